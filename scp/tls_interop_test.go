package scp_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"

	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// secureProgram finds a DCMTK program that was built with TLS.
func secureProgram(t *testing.T, name string) string {
	t.Helper()
	path := program(t, name)
	help, err := command(t, path, "--help").Output()
	if err == nil && bytes.Contains(help, []byte("--enable-tls")) {
		return path
	}
	if os.Getenv("REQUIRE_PEERS") == "1" {
		t.Fatalf("DCMTK's %s was built without TLS (%v)", name, err)
	}
	t.Skipf("DCMTK's %s was built without TLS", name)
	return ""
}

// TestDCMTKToServerTLS: DCMTK stores over TLS with certificates on both sides; if it does not
// trust the server's certificate it disconnects.
func TestDCMTKToServerTLS(t *testing.T) {
	echoscu, storescu := secureProgram(t, "echoscu"), secureProgram(t, "storescu")
	id := newIdentity(t)
	certificate, key := id.files(t)
	b := &backend{}
	addr, _ := serveTLS(t, b, id)
	host, port, _ := net.SplitHostPort(addr)
	secure := []string{"+tls", key, certificate, "+cf", certificate, "-aet", "PACS", "-aec", "XNET"}
	run(t, echoscu, append(secure, host, port)...)
	file := files(t)["explicit"]
	run(t, storescu, append(secure, "-xe", host, port, file)...)
	if req, got := b.last(); req.SOPInstanceUID != instance || !bytes.Equal(got, dataset(t, file)) {
		t.Errorf("got %d bytes of %+v that differ from the file", len(got), req)
	}
	other, _ := newIdentity(t).files(t)
	if out, err := command(t, echoscu, "+tls", key, certificate, "+cf", other, "-aec", "XNET", host, port).CombinedOutput(); err == nil {
		t.Errorf("echoscu trusts a certificate that it does not know:\n%s", out)
	}
}

// TestClientToDCMTKTLS: the Client stores at DCMTK's storescp over TLS.
func TestClientToDCMTKTLS(t *testing.T) {
	secureProgram(t, "storescp")
	id, dir := newIdentity(t), t.TempDir()
	certificate, key := id.files(t)
	d := &scp.Dialer{Calling: "XNET", TLS: id.client}
	addr := startStorescp(t, d, dir, "+tls", key, certificate, "+cf", certificate)
	c, err := d.Dial(t.Context(), addr, scp.Proposal{AbstractSyntax: secondaryCapture, TransferSyntaxes: []string{uid.ExplicitVRLittleEndian}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Abort()
	want := dataset(t, files(t)["explicit"])
	req := scp.StoreRequest{SOPClassUID: secondaryCapture, SOPInstanceUID: instance, TransferSyntaxUID: uid.ExplicitVRLittleEndian}
	if status, err := c.Store(t.Context(), req, bytes.NewReader(want)); err != nil || status != scp.Success {
		t.Fatalf("got %v, %v", status, err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
	stored, err := filepath.Glob(filepath.Join(dir, "*2.25.1"))
	if err != nil || len(stored) != 1 || !bytes.Equal(dataset(t, stored[0]), want) {
		t.Errorf("stored files %v, %v: want one, with the bytes sent", stored, err)
	}
}
