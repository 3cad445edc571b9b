package scp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// program finds a DCMTK program. Other tools have the same names, so the output of --version
// must contain dcmtk.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if out, err := command(t, path, "--version").Output(); err == nil && bytes.Contains(out, []byte("dcmtk")) {
			return path
		}
	}
	if os.Getenv("REQUIRE_PEERS") == "1" {
		t.Fatalf("DCMTK's %s is not installed", name)
	}
	t.Skipf("DCMTK's %s is not installed", name)
	return ""
}

// command runs a program for at most a minute.
func command(t *testing.T, name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, name, args...)
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := command(t, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
}

// dump is a synthetic image in the format of dump2dcm.
const dump = `(0008,0016) UI 1.2.840.10008.5.1.4.1.1.7
(0008,0018) UI 2.25.1
(0008,0060) CS OT
(0010,0010) PN SYNTHETIC
(0020,000d) UI 2.25.2
(0020,000e) UI 2.25.3
(0028,0002) US 1
(0028,0004) CS MONOCHROME2
(0028,0010) US 2
(0028,0011) US 4
(0028,0100) US 16
(0028,0101) US 16
(0028,0102) US 15
(0028,0103) US 0
(7fe0,0010) OW 0001\0002\0003\0004\0005\0006\0007\0008
`

// syntaxes are the tested transfer syntaxes: the DCMTK tool that makes a file, and the option
// with which storescu proposes it.
var syntaxes = []struct{ name, uid, tool, flag, propose string }{
	{"implicit", uid.ImplicitVRLittleEndian, "dcmconv", "+ti", "-xi"},
	{"explicit", uid.ExplicitVRLittleEndian, "dcmconv", "+te", "-xe"},
	{"big endian", bigEndian, "dcmconv", "+tb", "-xb"},
	{"deflated", deflated, "dcmconv", "+td", "-xd"},
	{"RLE", rle, "dcmcrle", "", "-xr"},
}

// files makes one file for each transfer syntax.
func files(t *testing.T) map[string]string {
	dir := t.TempDir()
	text, image := filepath.Join(dir, "image.txt"), filepath.Join(dir, "image.dcm")
	if err := os.WriteFile(text, []byte(dump), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, program(t, "dump2dcm"), text, image)
	made := map[string]string{}
	for _, s := range syntaxes {
		out := filepath.Join(dir, strings.ReplaceAll(s.name, " ", "")+".dcm")
		args := []string{image, out}
		if s.flag != "" {
			args = append([]string{s.flag}, args...)
		}
		run(t, program(t, s.tool), args...)
		made[s.name] = out
	}
	return made
}

// dataset returns the data set after the file meta information (PS3.10 7.1). The group length
// is the first element, 12 bytes after preamble and prefix.
func dataset(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < 144 {
		t.Fatalf("%s has %d bytes", path, len(b))
	}
	return b[144+binary.LittleEndian.Uint32(b[140:]):]
}

// even pads a deflated data set to even length, as PS3.5 A.5 requires; DCMTK's files lack the
// padding.
func even(transferSyntax string, b []byte) []byte {
	if transferSyntax == deflated && len(b)%2 == 1 {
		return append(bytes.Clone(b), 0)
	}
	return b
}

func TestDCMTKToServer(t *testing.T) {
	storescu, echoscu := program(t, "storescu"), program(t, "echoscu")
	b := &backend{}
	addr, _ := serve(t, b)
	host, port, _ := net.SplitHostPort(addr)
	run(t, echoscu, "-aet", "PACS", "-aec", "XNET", host, port)
	if out, err := command(t, echoscu, "-aec", "OTHER", host, port).CombinedOutput(); err == nil || !bytes.Contains(out, []byte("Called AE Title Not Recognized")) {
		t.Errorf("wrong called AE title: got %v, %s", err, out)
	}
	made := files(t)
	for _, s := range syntaxes {
		t.Run(s.name, func(t *testing.T) {
			run(t, storescu, s.propose, "-aet", "PACS", "-aec", "XNET", host, port, made[s.name])
			last, got := b.last()
			if last.TransferSyntaxUID != s.uid || last.SOPInstanceUID != instance || last.SOPClassUID != secondaryCapture {
				t.Errorf("got request %+v", last)
			}
			if want := even(s.uid, dataset(t, made[s.name])); !bytes.Equal(got, want) {
				t.Errorf("got %d bytes that differ from the %d in the file", len(got), len(want))
			}
		})
	}
}

func TestClientToDCMTK(t *testing.T) {
	made, dir, d := files(t), t.TempDir(), &scp.Dialer{Calling: "XNET"}
	addr := startStorescp(t, d, dir)
	var all []string
	for _, s := range syntaxes {
		all = append(all, s.uid)
	}
	c, err := d.Dial(t.Context(), addr, scp.Proposal{AbstractSyntax: secondaryCapture, TransferSyntaxes: all})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Abort()
	for _, s := range syntaxes {
		t.Run(s.name, func(t *testing.T) {
			want := dataset(t, made[s.name])
			req := scp.StoreRequest{SOPClassUID: secondaryCapture, SOPInstanceUID: instance, TransferSyntaxUID: s.uid}
			if status, err := c.Store(t.Context(), req, bytes.NewReader(want)); err != nil || status != scp.Success {
				t.Fatalf("got %v, %v", status, err)
			}
			stored, err := filepath.Glob(filepath.Join(dir, "*2.25.1"))
			if err != nil || len(stored) != 1 {
				t.Fatalf("stored files: %v, %v", stored, err)
			}
			if !bytes.Equal(dataset(t, stored[0]), even(s.uid, want)) {
				t.Error("other bytes were stored")
			}
		})
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

// startStorescp starts DCMTK's SCP with bit preserving and more options, and waits until it
// responds to d.
func startStorescp(t *testing.T, d *scp.Dialer, dir string, options ...string) scp.Addr {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	_ = ln.Close()
	cmd := command(t, program(t, "storescp"), append(options, "+xa", "+B", "-aet", "STORESCP", "-od", dir, port)...)
	cmd.Env = append(os.Environ(), "TCP_NODELAY=1")
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	addr := scp.Addr{AETitle: "STORESCP", Host: "127.0.0.1:" + port}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := d.Dial(ctx, addr, verification)
		if err == nil {
			if err := c.Echo(ctx); err != nil {
				t.Fatal(err)
			}
			if err := c.Release(ctx); err != nil {
				t.Fatal(err)
			}
			return addr
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("storescp does not answer: %v", err)
		}
	}
}
