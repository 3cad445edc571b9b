package inspect_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/configs"
	"dicomnode/dicomnode/inspect"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/hint"
)

// What fails is told with what to do about it; what works, with what was found.
func TestProbe(t *testing.T) {
	nodetest.RequireModel(t)
	pacs := nodetest.NewPACS(t)
	c := configs.Default()
	c.Node.DataDir = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(c.Node.DataDir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Retention.MinFreeMiB, c.Model.Bundle = 1<<40, "embedded"
	c.Peers = []configs.Peer{
		{Name: "good", AETitle: "PACS", Address: pacs.Addr.Host},
		{Name: "misnamed", AETitle: "OTHER", Address: pacs.Addr.Host},
		{Name: "dead", AETitle: "PACS", Address: fmt.Sprintf("127.0.0.1:%d", nodetest.FreePort(t))},
		{Name: "lost", AETitle: "PACS", Address: "no-such-host.invalid:104"},
		{Name: "quiet", AETitle: "DX", Address: "10.0.0.1"},
	}
	want := map[string]string{ // what to the beginning of its hint, "" for what works
		"model": "", "data folder": "name a folder", "disk": "finished objects would go",
		"C-ECHO to peer good": "", "C-ECHO to peer misnamed": "it is not called OTHER", "C-ECHO to peer dead": "the machine answers, but nothing listens",
		"name of peer lost": "the peer is not admitted while", "C-ECHO to peer lost": "this machine cannot resolve",
	}
	tried := inspect.Probe(t.Context(), c)
	if len(tried) != len(want) {
		t.Errorf("%d things tried, want %d: %+v", len(tried), len(want), tried)
	}
	for _, p := range tried {
		w, ok := want[p.What]
		if !ok || (p.Err == nil) != (w == "") || !strings.HasPrefix(hint.Of(p.Err), w) {
			t.Errorf("%s: %v, hint %q, want %q", p.What, p.Err, hint.Of(p.Err), w)
		}
	}
}
