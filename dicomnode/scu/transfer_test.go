package scu_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dicomnode/configs"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// pacs keeps the data sets it is sent, by transfer syntax.
type pacs struct {
	t      *testing.T
	status *scp.StatusError
	got    map[string][]byte
}

func (p *pacs) NewSession(context.Context, scp.Peer) (scp.Session, error) { return p, nil }
func (p *pacs) Close() error                                              { return nil }

func (p *pacs) Store(_ context.Context, req scp.StoreRequest, r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if _, err := part10.Scan(bytes.NewReader(b), req.TransferSyntaxUID); err != nil {
		p.t.Error(err)
	}
	p.got[req.TransferSyntaxUID] = b
	if p.status != nil {
		return p.status
	}
	return nil
}

// serve starts a PACS that takes DX images in the transfer syntaxes given.
func serve(t *testing.T, p *pacs, syntaxes ...string) scu.Destination {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &scp.Server{Backend: p, Log: slog.New(slog.DiscardHandler), Contexts: []scp.SupportedContext{
		{AbstractSyntax: uid.DigitalXRayImageStorageForProcessing, TransferSyntaxes: syntaxes}}}
	go func() { _ = server.Serve(context.Background(), ln) }()
	t.Cleanup(func() { _ = server.Shutdown(context.Background()) })
	return scu.Destination{Config: configs.Default(), Peer: configs.Peer{Name: "pacs", AETitle: "PACS", Address: ln.Addr().String()}}
}

func image(t *testing.T, transferSyntax string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.dcm")
	if err := os.WriteFile(path, dicomtest.DX(40, 50, 10).Encode(transferSyntax), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestEveryNativeSyntax: whatever a PACS takes of Explicit and Implicit VR Little
// Endian, it gets every image that needs no codec.
func TestEveryNativeSyntax(t *testing.T) {
	for _, stored := range []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian, uid.ExplicitVRBigEndian} {
		for _, taken := range []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian} {
			p := &pacs{t: t, got: map[string][]byte{}}
			d := serve(t, p, taken)
			results, err := d.StoreFiles(t.Context(), []string{image(t, stored)}, func() {})
			want := []scu.Sent{{File: results[0].File, Status: "0000"}}
			if diff := cmp.Diff(want, results); diff != "" || err != nil {
				t.Errorf("%s to a PACS of %s: %v\n%s", uid.Name(stored), uid.Name(taken), err, diff)
			}
			if len(p.got[taken]) < 40*50*2 {
				t.Errorf("%s to a PACS of %s: %d bytes arrived", uid.Name(stored), uid.Name(taken), len(p.got[taken]))
			}
		}
	}
}

// TestRefusalInWords: what no rewriting helps, and what the PACS itself says.
func TestRefusalInWords(t *testing.T) {
	p := &pacs{t: t, got: map[string][]byte{}}
	results, err := serve(t, p, uid.ImplicitVRLittleEndian).StoreFiles(t.Context(), []string{image(t, uid.RLELossless)}, func() {})
	if err != nil || !strings.Contains(results[0].Error, "in RLE Lossless: transfer syntax not supported") {
		t.Errorf("compressed: got %+v, %v", results, err)
	}
	p.status = &scp.StatusError{Status: scp.OutOfResources, Comment: "Archive offline, call 1234"}
	results, err = serve(t, p, uid.ImplicitVRLittleEndian).StoreFiles(t.Context(), []string{image(t, uid.ExplicitVRLittleEndian)}, func() {})
	if err != nil || results[0].Status != "A700" || !strings.Contains(results[0].Error, "Archive offline, call 1234") {
		t.Errorf("no space: got %+v, %v", results, err)
	}
}

// TestAbruptEnd: where a peer closes the connection in place of an A-RELEASE-RP, what it has
// answered counts, and the end is noted.
func TestAbruptEnd(t *testing.T) {
	d := nodetest.Calling("XNET", "PACS", nodetest.NewOddPACS(t, nodetest.Oddity{Abrupt: true}).Address)
	for name, call := range map[string]func() error{
		"C-ECHO": func() error { _, err := d.Echo(t.Context()); return err },
		"C-STORE": func() error {
			results, err := d.StoreFiles(t.Context(), []string{image(t, uid.ExplicitVRLittleEndian)}, func() {})
			if err == nil && results[0].Status != "0000" {
				t.Errorf("the PACS answered %+v", results)
			}
			return err
		},
		"roles": func() error { _, err := d.CommitmentRoles(t.Context()); return err },
	} {
		var noted error
		d.Note = func(err error) { noted = err }
		if err := call(); err != nil || noted == nil || !strings.Contains(noted.Error(), "did not end by A-RELEASE") {
			t.Errorf("%s: error %v, note %v", name, err, noted)
		}
		d.Note = nil
		if err := call(); err != nil {
			t.Errorf("%s, unnoted: %v", name, err)
		}
	}
}
