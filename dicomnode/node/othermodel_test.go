package node

import (
	"io"
	"strings"
	"testing"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/archive"
)

// An image is segmented again with a model that is not the one in use: its result comes
// besides the first one, names that model, and later images get the one in use.
func TestReprocessWithAnotherModel(t *testing.T) {
	pacs := nodetest.NewOddPACS(t, nodetest.Oddity{})
	c := nodetest.Config(t.TempDir(), pacs.Address)
	n := startNode(t, c)
	send := func(name string) {
		nodetest.Store(t, n.As("MODALITY", "XNET"), []string{nodetest.Image{Name: name, Rows: 40, Cols: 32}.File(t, t.TempDir())})
		n.Settle(t)
	}
	send("first")
	other := tinyBundle(t, 1)
	if err := pipeline.ModelStore(c).Keep(other); err != nil {
		t.Fatal(err)
	}
	if jobs, err := n.archive.Reprocess(archive.WithModel(t.Context(), other.Digest), 1); jobs != 1 || err != nil {
		t.Fatalf("%d jobs, %v", jobs, err)
	}
	n.Settle(t)
	made, err := n.archive.Results(t.Context(), 1)
	if err != nil || len(made) != 2 || !names(t, made[1], other.Digest) || names(t, made[0], other.Digest) {
		t.Fatalf("%d results, want one of each model: %v", len(made), err)
	}
	if jobs, err := n.archive.Reprocess(archive.WithModel(t.Context(), strings.Repeat("0", 64)), 1); jobs != 1 || err != nil {
		t.Fatalf("%d jobs, %v", jobs, err)
	}
	if e := quarantined(t, n); e.Model == "" || !strings.Contains(e.Reason, "segment with model 000000000000: ") {
		t.Errorf("a model that is not there: job for model %q says %q", e.Model, e.Reason)
	}
	if _, err := n.archive.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	send("second")
	latest, err := n.archive.Search(t.Context(), archive.Query{ReceivedOnly: true}, 1)
	if err != nil || len(latest) != 1 {
		t.Fatal(latest, err)
	}
	if made, err = n.archive.Results(t.Context(), latest[0].ID); err != nil || len(made) != 1 || names(t, made[0], other.Digest) {
		t.Errorf("%d results of the next image, want one of the model in use: %v", len(made), err)
	}
}

// names reports whether an object holds a text.
func names(t *testing.T, o archive.Object, text string) bool {
	t.Helper()
	f, err := o.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(b), text)
}
