package e2e

import (
	"errors"
	"os"
	"strings"
	"testing"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/archive"
	"dicomnode/internal/part10"
	"dicomnode/scp"
)

// admitted does a C-ECHO as that application entity.
func admitted(t *testing.T, p *nodetest.Process, calling string) error {
	t.Helper()
	_, err := p.As(calling).Echo(t.Context())
	return err
}

func refused(err error) bool {
	var rejected *scp.RejectError
	return errors.As(err, &rejected) && rejected.Reason == scp.RejectCallingAETitle.Reason
}

// A peer that is added to the file is admitted after SIGHUP; an association that
// is open goes on. A file with problems changes nothing, and the log says why.
func TestHangup(t *testing.T) {
	t.Parallel()
	const first, second = "  - {name: first, ae_title: FIRST, address: 127.0.0.1}\n", "  - {name: second, ae_title: SECOND, address: 127.0.0.1}\n"
	p := nodetest.NewProcess(t, "peers:\n"+first)
	p.Start(t)
	image := nodetest.Image{Name: "while-reloading", Rows: 32, Cols: 24}.File(t, t.TempDir())
	header, err := scu.ReadHeader(image)
	if err != nil {
		t.Fatal(err)
	}
	open, err := p.As("FIRST").Dial(t.Context(), scu.Proposals([]part10.Header{header})...)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Abort() // no effect after Release
	if err := admitted(t, p, "SECOND"); !refused(err) {
		t.Fatalf("a peer that is not listed: %v", err)
	}

	data := t.TempDir() // takes effect at a restart only
	p.Configure(t, data, "peers:\n"+first+second)
	p.Hangup(t, `msg="configuration reloaded" peers=2 routes=0`)
	if err := admitted(t, p, "SECOND"); err != nil {
		t.Errorf("the added peer: %v", err)
	}

	for _, bad := range []struct{ text, logged string }{
		{"peers:\n" + second + "  - {nam: third}\n", `configuration not reloaded: line 4: peers[1].nam: unknown key \"nam\"`},
		{"peers:\n" + second + "routes:\n  - {name: r, send_to: [pasc]}\n", `configuration not reloaded: line 5: routes[0].send_to[0]: no peer is named \"pasc\"`},
		{"peers: [", "configuration not reloaded: "},
	} {
		p.Configure(t, data, bad.text)
		p.Hangup(t, bad.logged)
	}
	if err := os.Remove(p.Config); err != nil {
		t.Fatal(err)
	}
	p.Hangup(t, `msg="configuration not reloaded" error="read configuration: open `)
	for _, calling := range []string{"FIRST", "SECOND"} {
		if err := admitted(t, p, calling); err != nil {
			t.Errorf("%s after bad files: %v", calling, err)
		}
	}
	if err := admitted(t, p, "THIRD"); !refused(err) {
		t.Errorf("a peer of a bad file: %v", err)
	}

	p.Configure(t, data, "peers:\n"+second)
	p.Hangup(t, `msg="configuration reloaded" peers=1 routes=0`)
	if err := admitted(t, p, "FIRST"); !refused(err) {
		t.Errorf("a peer that was removed: %v", err)
	}
	if got := scu.StoreFile(t.Context(), open, image, header); got.Status != "0000" {
		t.Errorf("C-STORE over the association that stayed open: %+v", got)
	}
	if err := open.Release(t.Context()); err != nil {
		t.Error(err)
	}
	p.Stop(t)
	if strings.Contains(p.Log.String(), "abort") {
		t.Error("an association was aborted")
	}
	if _, err := archive.OpenShared(t.Context(), archive.Options{Dir: data + "/archive"}); err == nil {
		t.Error("the data directory moved without a restart")
	}
}
