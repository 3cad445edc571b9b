package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// peerProgram finds a peer's program, or skips the test; REQUIRE_PEERS=1 makes
// its absence a failure. DCMTK's names are also those of pynetdicom's programs,
// so the system's folder comes first.
func peerProgram(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/bin", "/usr/sbin", "/usr/local/bin"} {
		if path := filepath.Join(dir, name); executable(path) {
			return path
		}
	}
	if os.Getenv("REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// sharedData finds a file of the shared test data, or skips the test;
// REQUIRE_SHARED=1 makes its absence a failure.
func sharedData(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("SHARED_DATA")
	if dir == "" {
		dir = "../../shared/data"
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if os.Getenv("REQUIRE_SHARED") == "1" {
		t.Fatalf("%s is not there", path)
	}
	t.Skipf("%s is not there", path)
	return ""
}

// freePort returns a port that was free a moment ago, for programs that cannot
// choose one themselves.
func freePort(t testing.TB) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// startProgram runs a program until the test ends and then kills it by its pid.
func startProgram(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var output lockedBuffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // killed, as meant
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(name), &output)
		}
	})
}

// until asks ready again and again until it says yes or the test's time is up.
func until(t testing.TB, what string, ready func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(testTime)
	defer deadline.Stop()
	for !ready() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: not in time", what)
		}
	}
}

func listening(address string) func() bool {
	return func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return false
		}
		return c.Close() == nil
	}
}

// storescu sends files with DCMTK.
func storescu(t *testing.T, n *testNode, option string, files ...string) {
	t.Helper()
	host, port, err := net.SplitHostPort(n.addr)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-aet", "MODALITY", "-aec", "XNET", host, port}
	if option != "" {
		args = append([]string{option}, args...)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, peerProgram(t, "storescu"), append(args, files...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("storescu %s: %v\n%s", option, err, out)
	}
}

// dciodvfy fails the test on any error or warning about the file.
func dciodvfy(t *testing.T, file string) {
	t.Helper()
	out, err := exec.Command(peerProgram(t, "dciodvfy"), file).CombinedOutput()
	var complaints []string
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "Warning") {
			complaints = append(complaints, line)
		}
	}
	if err != nil || len(complaints) > 0 {
		t.Errorf("dciodvfy: %v\n%s", err, strings.Join(complaints, ""))
	}
	if !strings.Contains(string(out), "Segmentation") {
		t.Errorf("dciodvfy did not take the file for a segmentation:\n%s", out)
	}
}

// orthanc is a running Orthanc, set up as docs/orthanc says.
type orthanc struct {
	base  string // of its REST interface
	dicom string // host:port
}

// startOrthanc runs Orthanc with the files of docs/orthanc, which send to the node
// at that port. Only folders and ports differ.
func startOrthanc(t *testing.T, dicomPort, nodePort int) orthanc {
	t.Helper()
	program, dir := peerProgram(t, "Orthanc"), t.TempDir()
	text, err := os.ReadFile("../docs/orthanc/orthanc.json")
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("../docs/orthanc/forward.lua")
	if err != nil {
		t.Fatal(err)
	}
	modality := config["DicomModalities"].(map[string]any)["dicomnode"].([]any)
	modality[2] = nodePort
	http := freePort(t)
	config["DicomPort"], config["HttpPort"], config["LuaScripts"] = dicomPort, http, []string{script}
	config["StorageDirectory"], config["IndexDirectory"] = dir, dir
	if text, err = json.Marshal(config); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "orthanc.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	startProgram(t, dir, program, path)
	o := orthanc{fmt.Sprintf("http://127.0.0.1:%d", http), fmt.Sprintf("127.0.0.1:%d", dicomPort)}
	until(t, "Orthanc's REST interface", listening(strings.TrimPrefix(o.base, "http://")))
	until(t, "Orthanc's DICOM port", listening(o.dicom))
	return o
}

// post sends a body to the REST interface and decodes the answer.
func (o orthanc) post(t *testing.T, path string, body []byte, answer any) {
	t.Helper()
	resp, err := http.Post(o.base+path, "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("POST %s: %s, %v\n%s", path, resp.Status, err, text)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
}

// find lists the instances of a modality: Orthanc's identifier and study.
func (o orthanc) find(t *testing.T, modality string) (ids []string) {
	t.Helper()
	query, err := json.Marshal(map[string]any{"Level": "Instance", "Query": map[string]string{"Modality": modality}})
	if err != nil {
		t.Fatal(err)
	}
	o.post(t, "/tools/find", query, &ids)
	return ids
}

// file fetches an instance as a Part 10 file.
func (o orthanc) file(t *testing.T, id string) []byte {
	t.Helper()
	resp, err := http.Get(o.base + "/instances/" + id + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET instance: %s, %v", resp.Status, err)
	}
	return b
}
