package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// admitted associates, does a C-ECHO and releases.
func (d destination) admitted(t *testing.T) error {
	t.Helper()
	client, err := d.dial(t.Context(), scp.Proposal{AbstractSyntax: uid.Verification, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}})
	if err != nil {
		return err
	}
	defer client.Abort() // no effect after Release
	return errors.Join(client.Echo(t.Context()), client.Release(t.Context()))
}

func refused(err error) bool {
	var rejected *scp.RejectError
	return errors.As(err, &rejected) && rejected.Reason == callingNotRecognized
}

// A peer that is added to the file is admitted after SIGHUP; an association that
// is open goes on. A file with problems changes nothing, and the log says why.
func TestHangup(t *testing.T) {
	const first, second = "  - {name: first, ae_title: FIRST, address: 127.0.0.1}\n", "  - {name: second, ae_title: SECOND, address: 127.0.0.1}\n"
	p := newProcess(t, "peers:\n"+first)
	p.start(t)
	image := testImage{name: "while-reloading", rows: 32, cols: 24}.file(t, t.TempDir())
	header, err := readHeader(image)
	if err != nil {
		t.Fatal(err)
	}
	open, err := p.as("FIRST").dial(t.Context(), proposalsFor([]part10.Header{header})...)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Abort() // no effect after Release
	if err := p.as("SECOND").admitted(t); !refused(err) {
		t.Fatalf("a peer that is not listed: %v", err)
	}

	data := t.TempDir() // takes effect at a restart only
	p.configure(t, data, "peers:\n"+first+second)
	p.hangup(t, `msg="configuration reloaded" peers=2 routes=0`)
	if err := p.as("SECOND").admitted(t); err != nil {
		t.Errorf("the added peer: %v", err)
	}

	for _, bad := range []struct{ text, logged string }{
		{"peers:\n" + second + "  - {nam: third}\n", `configuration not reloaded: line 4: peers[1].nam: unknown key \"nam\"`},
		{"peers:\n" + second + "routes:\n  - {name: r, send_to: [pasc]}\n", `configuration not reloaded: line 5: routes[0].send_to[0]: no peer is named \"pasc\"`},
		{"peers: [", "configuration not reloaded: "},
	} {
		p.configure(t, data, bad.text)
		p.hangup(t, bad.logged)
	}
	if err := os.Remove(p.config); err != nil {
		t.Fatal(err)
	}
	p.hangup(t, `msg="configuration not reloaded" error="read configuration: open `)
	for _, calling := range []string{"FIRST", "SECOND"} {
		if err := p.as(calling).admitted(t); err != nil {
			t.Errorf("%s after bad files: %v", calling, err)
		}
	}
	if err := p.as("THIRD").admitted(t); !refused(err) {
		t.Errorf("a peer of a bad file: %v", err)
	}

	p.configure(t, data, "peers:\n"+second)
	p.hangup(t, `msg="configuration reloaded" peers=1 routes=0`)
	if err := p.as("FIRST").admitted(t); !refused(err) {
		t.Errorf("a peer that was removed: %v", err)
	}
	if got := sendFile(t.Context(), open, image, header); got.Status != "0000" {
		t.Errorf("C-STORE over the association that stayed open: %+v", got)
	}
	if err := open.Release(t.Context()); err != nil {
		t.Error(err)
	}
	p.stop(t)
	if strings.Contains(p.log.String(), "abort") {
		t.Error("an association was aborted")
	}
	if _, err := archive.OpenShared(t.Context(), archive.Options{Dir: data + "/archive"}); err == nil {
		t.Error("the data directory moved without a restart")
	}
}
