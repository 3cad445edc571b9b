package node

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dicomnode/configs"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/archive/index"
	"dicomnode/internal/commitment"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// promising is a configuration in which the modality may ask for storage commitment.
func promising(t *testing.T, told *nodetest.Told, by string) configs.Config {
	t.Helper()
	c := nodetest.Config(t.TempDir(), "127.0.0.1:104")
	c.Peers[0].Address, c.Peers[0].CommitmentBy = told.Address, by
	c.Retention = configs.Retention{}
	c.Routes = nil
	return c
}

// askNode asks for the commitment of instances, as the modality.
func askNode(t *testing.T, n *testNode, transaction string, refs ...commitment.Reference) error {
	t.Helper()
	client, err := n.As("MODALITY", "XNET").Dial(t.Context(), scp.Proposal{AbstractSyntax: uid.StorageCommitmentPushModel, TransferSyntaxes: []string{uid.ExplicitVRLittleEndian}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Abort()
	data, err := commitment.Request{TransactionUID: transaction, References: refs}.Encode(uid.ExplicitVRLittleEndian)
	if err != nil {
		t.Fatal(err)
	}
	return client.RequestCommitment(t.Context(), uid.ExplicitVRLittleEndian, bytes.NewReader(data))
}

func (n *testNode) expectTold(t *testing.T, told *nodetest.Told, want commitment.Result) {
	t.Helper()
	select {
	case got := <-told.Results:
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("told (-want +got):\n%s", d)
		}
	case <-time.After(nodetest.Time):
		t.Fatalf("the modality was told nothing")
	}
}

// storedImages sends images to the node and returns the references to them.
func storedImages(t *testing.T, n *testNode, names ...string) (refs []commitment.Reference) {
	t.Helper()
	var files []string
	for _, name := range names {
		image := nodetest.Image{Name: name, Rows: 96, Cols: 64}
		file, err := image.Write(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		o := commitment.Reference{SOPInstanceUID: image.Instance()}
		files, refs = append(files, file), append(refs, o)
	}
	nodetest.Store(t, n.As("MODALITY", "XNET"), files)
	for i := range refs {
		o, err := n.archive.Find(t.Context(), refs[i].SOPInstanceUID)
		if err != nil {
			t.Fatal(err)
		}
		refs[i].SOPClassUID = o.SOPClassUID
	}
	return refs
}

func failed(reason uint16, refs ...commitment.Reference) (all []commitment.Failure) {
	for _, ref := range refs {
		all = append(all, commitment.Failure{Reference: ref, Reason: reason})
	}
	return all
}

// The node commits what it has whole, and nothing else; after that it removes nothing,
// whatever its configuration becomes.
func TestNodeCommits(t *testing.T) {
	told := nodetest.NewTold(t, "MODALITY")
	n := startNode(t, promising(t, told, configs.CommitmentByNode))
	refs := storedImages(t, n, "whole", "damaged", "class")
	o, err := n.archive.Find(t.Context(), refs[1].SOPInstanceUID)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(ArchiveDir(*n.config.Load()), o.Name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-100] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	other := refs[2]
	other.SOPClassUID = uid.SecondaryCaptureImageStorage
	missing := commitment.Reference{SOPClassUID: refs[0].SOPClassUID, SOPInstanceUID: "2.25.404"}
	if err := askNode(t, n, "2.25.1", refs[0], refs[1], other, missing); err != nil {
		t.Fatal(err)
	}
	want := commitment.Result{TransactionUID: "2.25.1", Committed: refs[:1]}
	want.Failed = append(append(failed(0x0112, refs[1]), failed(0x0119, other)...), failed(0x0112, missing)...)
	n.expectTold(t, told, want)
	nodetest.Until(t, "the promise to be forgotten", func() bool {
		all, err := n.archive.CommitmentRequests(t.Context())
		return err == nil && len(all) == 0
	})
	if !n.hasCommitted(t.Context()) {
		t.Error("the node does not remember that it has promised")
	}
	c := *n.config.Load()
	c.Retention.Keep = time.Nanosecond
	n.config.Store(&c)
	n.removeOld(t.Context())
	if all, err := n.archive.Search(t.Context(), index.Query{}, 10); err != nil || len(all) != 3 {
		t.Errorf("%d objects are left of 3, %v", len(all), err)
	}
}

// A repeated request is answered once, one of other instances under the same Transaction
// UID not at all, and a peer that may not ask has the context refused.
func TestRequestsForCommitment(t *testing.T) {
	told := nodetest.NewTold(t, "MODALITY")
	c := promising(t, told, configs.CommitmentByNode)
	c.Peers[0].Address = "127.0.0.1:1" // nothing listens: the answer waits
	n := startNode(t, c)
	ref := storedImages(t, n, "asked")[0]
	other := commitment.Reference{SOPClassUID: ref.SOPClassUID, SOPInstanceUID: "2.25.404"}
	for i, refs := range [][]commitment.Reference{{ref}, {ref}, {other}} {
		if err := askNode(t, n, "2.25.7", refs...); (err == nil) != (i < 2) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	all, err := n.archive.CommitmentRequests(t.Context())
	if err != nil || len(all) != 1 {
		t.Errorf("%d requests wait, %v; want 1", len(all), err)
	}
}

// With an archive named for the peer, the node commits what that archive has committed,
// and it has itself.
func TestNodeCommitsByArchive(t *testing.T) {
	pacs := nodetest.NewCommittingPACS(t)
	told := nodetest.NewTold(t, "MODALITY")
	c := promising(t, told, "pacs")
	c.Peers[1].Address, c.Peers[1].StorageCommitment = pacs.Address, true
	n := startNode(t, c)
	pacs.AnswerTo(n.Addr)
	refs := storedImages(t, n, "both", "here")
	there := commitment.Reference{SOPClassUID: refs[0].SOPClassUID, SOPInstanceUID: "2.25.5"}
	pacs.Keep(refs[0].SOPInstanceUID)
	pacs.Keep(there.SOPInstanceUID)
	if err := askNode(t, n, "2.25.2", refs[0], refs[1], there); err != nil {
		t.Fatal(err)
	}
	n.expectTold(t, told, commitment.Result{TransactionUID: "2.25.2", Committed: refs[:1], Failed: append(failed(0x0112, there), failed(0x0112, refs[1])...)})
	if n.hasCommitted(t.Context()) {
		t.Error("the node has promised itself")
	}
}

func TestNarrowed(t *testing.T) {
	a, b, c := commitment.Reference{SOPClassUID: "1.2", SOPInstanceUID: "1"}, commitment.Reference{SOPClassUID: "1.2", SOPInstanceUID: "2"}, commitment.Reference{SOPClassUID: "1.2", SOPInstanceUID: "3"}
	other := commitment.Reference{SOPClassUID: "1.3", SOPInstanceUID: "3"}
	got := restricted(commitment.Result{TransactionUID: "1", Committed: []commitment.Reference{a, b, c}},
		commitment.Result{TransactionUID: "9", Committed: []commitment.Reference{a, b, other}, Failed: failed(0x0112, b)})
	want := commitment.Result{TransactionUID: "1", Committed: []commitment.Reference{a}, Failed: append(failed(0x0112, b), failed(0x0110, c)...)}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
