package inspect_test

import (
	"errors"
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
	pacs, committing := nodetest.NewPACS(t), nodetest.NewCommittingPACS(t)
	told := nodetest.NewTold(t, "DX")
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
		{Name: "committing", AETitle: "PACS", Address: committing.Address, StorageCommitment: true},
		{Name: "asking", AETitle: "DX", Address: told.Address, CommitmentBy: configs.CommitmentByNode},
		{Name: "abrupt", AETitle: "PACS", Address: nodetest.NewOddPACS(t, nodetest.Oddity{Abrupt: true}).Address},
		{Name: "unable", AETitle: "PACS", Address: pacs.Addr.Host, StorageCommitment: true},
	}
	want := map[string]string{ // what to the beginning of its hint, "" for what works
		"model": "", "codecs": "run `make runtime`", // a test is no worker
		"data folder": "name a folder", "disk": "finished objects would go",
		"C-ECHO to peer good": "", "C-ECHO to peer misnamed": "it is not called OTHER", "C-ECHO to peer dead": "the machine answers, but nothing listens",
		"name of peer lost": "the peer is not admitted while", "C-ECHO to peer lost": "this machine cannot resolve",
		"C-ECHO to peer committing": "", "storage commitment with peer committing": "",
		"C-ECHO to peer asking": "", "storage commitment with peer asking": "",
		"C-ECHO to peer abrupt": "",
		"C-ECHO to peer unable": "", "storage commitment with peer unable": "storage commitment must be switched on there",
	}
	found := map[string]string{
		"C-ECHO to peer abrupt":                   "; the association with abrupt did not end by A-RELEASE: connection lost: unexpected EOF",
		"storage commitment with peer committing": "it may be asked: yes; it may be answered on an association of this node: no",
		"storage commitment with peer asking":     "it may be asked: no; it may be answered on an association of this node: yes",
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
		if roles := found[p.What]; !strings.HasSuffix(p.Found, roles) {
			t.Errorf("%s: found %q, want %q", p.What, p.Found, roles)
		}
	}
}

// What somebody else has left in the data folder is named.
func TestProbeFolderOwner(t *testing.T) {
	nodetest.RequireModel(t)
	if os.Getuid() != 0 {
		t.Skip("only root can give a file to another user")
	}
	c := configs.Default()
	c.Node.DataDir, c.Model.Bundle = t.TempDir(), "embedded"
	folder := func() inspect.Tried {
		for _, p := range inspect.Probe(t.Context(), c) {
			if p.What == "data folder" {
				return p
			}
		}
		return inspect.Tried{}
	}
	if p := folder(); p.Err != nil || !strings.Contains(p.Found, "it is of user root") {
		t.Errorf("%q, %v", p.Found, p.Err)
	}
	index := filepath.Join(c.Node.ArchiveDir(), "index.sqlite")
	if err := errors.Join(os.MkdirAll(filepath.Dir(index), 0o755), os.WriteFile(index, nil, 0o600), os.Chown(index, 4711, 4711)); err != nil {
		t.Fatal(err)
	}
	if p := folder(); p.Err == nil || !strings.Contains(p.Err.Error(), index+" is of user 4711") || !strings.Contains(hint.Of(p.Err), "chown -R root") {
		t.Errorf("%v, hint %q", p.Err, hint.Of(p.Err))
	}
}
