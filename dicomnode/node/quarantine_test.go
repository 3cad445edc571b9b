package node

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/archive"
)

// quarantined waits until the node's only job is quarantined and returns it.
func quarantined(t *testing.T, n *testNode) (e archive.Entry) {
	t.Helper()
	nodetest.Until(t, "one quarantined job", func() bool {
		entries, err := n.archive.Queue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 1 {
			e = entries[0]
		}
		return len(entries) == 1 && e.State == archive.Quarantined
	})
	return e
}

// An image that was accepted and cannot be segmented is quarantined at the first
// attempt, with a reason that holds no patient data.
func TestImagesThatCannotBeSegmented(t *testing.T) {
	for _, c := range []struct {
		name   string
		image  nodetest.Image
		reason string
	}{
		{"no pixels", nodetest.Image{Name: "none"}, "no Pixel Data (7FE0,0010)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := startNode(t, nodetest.Config(t.TempDir(), "127.0.0.1:1"))
			nodetest.Store(t, n.As("MODALITY", "XNET"), []string{c.image.File(t, t.TempDir())})
			e := quarantined(t, n)
			if e.Kind != "segment" || e.Attempts != 1 || !strings.Contains(e.Reason, c.reason) || strings.Contains(e.Reason, "SIMULATED") {
				t.Errorf("%s job after %d attempts: %q, want %q", e.Kind, e.Attempts, e.Reason, c.reason)
			}
		})
	}
}

// What can never give a result is refused at receipt, with the attribute, and not
// acknowledged and quarantined.
func TestImageWithoutStudy(t *testing.T) {
	n := startNode(t, nodetest.Config(t.TempDir(), "127.0.0.1:1"))
	file := nodetest.Image{Name: "no-study", Rows: 40, Cols: 32, NoStudy: true}.File(t, t.TempDir())
	sent, err := n.As("MODALITY", "XNET").StoreFiles(t.Context(), []string{file}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if sent[0].Status != "A900" || !strings.Contains(sent[0].Error, "StudyInstanceUID") {
		t.Errorf("status %s (%s), want A900 and the attribute", sent[0].Status, sent[0].Error)
	}
}

// A destination that does not take segmentations is not asked again and again.
func TestDestinationWithoutSegmentation(t *testing.T) {
	other := startNode(t, nodetest.Config(t.TempDir(), "127.0.0.1:1")) // takes images only
	c := nodetest.Config(t.TempDir(), other.Addr)
	c.Peers[1].AETitle = "XNET"
	c.Node.AETitle = "MODALITY"
	n := startNode(t, c)
	nodetest.Store(t, n.As("MODALITY", "MODALITY"), []string{nodetest.Image{Name: "image", Rows: 40, Cols: 32}.File(t, t.TempDir())})
	e := quarantined(t, n)
	if e.Kind != "deliver" || e.Attempts != 1 || !strings.Contains(e.Reason, "deliver to pacs: no accepted presentation context for Segmentation Storage") {
		t.Errorf("%s job after %d attempts: %q", e.Kind, e.Attempts, e.Reason)
	}
}

// Files that somebody removed come back with the image, when its sender repeats it:
// it is segmented again and its result delivered.
func TestObjectThatIsGone(t *testing.T) {
	c := nodetest.Config(t.TempDir(), "127.0.0.1:1")
	n := startNode(t, c)
	image := nodetest.Image{Name: "image", Rows: 40, Cols: 32}.File(t, t.TempDir())
	nodetest.Store(t, n.As("MODALITY", "XNET"), []string{image})
	nodetest.Until(t, "a delivery to try again", func() bool {
		entries, err := n.archive.Queue(t.Context())
		return err == nil && len(entries) == 1 && entries[0].State == archive.Retrying
	})
	files, err := filepath.Glob(filepath.Join(ArchiveDir(c), "objects", "*", "*.dcm"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	pacs := nodetest.NewPACS(t)
	c.Peers[1].Address = pacs.Addr.Host
	n.Reload(c)
	if _, err := n.archive.Retry(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	nodetest.Until(t, "the image to be missed", func() bool {
		entries, err := n.archive.Queue(t.Context())
		return err == nil && slices.ContainsFunc(entries, func(e archive.Entry) bool {
			return e.Kind == "segment" && e.State == archive.Quarantined && strings.Contains(e.Reason, "missing or damaged")
		})
	})
	nodetest.Store(t, n.As("MODALITY", "XNET"), []string{image})
	nodetest.Receive(t, pacs, 1)
	n.Settle(t)
}
