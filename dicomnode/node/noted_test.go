package node

import (
	"testing"

	"dicomnode/dicomnode/nodetest"
)

// Peers that were seen, and those that were refused, are noted for whoever asks.
func TestPeersAreNoted(t *testing.T) {
	n := startNode(t, nodetest.Config(t.TempDir(), "127.0.0.1:1"))
	files := []string{nodetest.Image{Name: "image", Rows: 40, Cols: 32}.File(t, t.TempDir())}
	nodetest.Store(t, n.As("MODALITY", "XNET"), files)
	if _, err := n.As("STRANGER", "XNET").StoreFiles(t.Context(), files, func() {}); err == nil {
		t.Error("a stranger was admitted")
	}
	nodetest.Until(t, "the notes", func() bool {
		peers, err := n.archive.Peers(t.Context())
		refusals, rerr := n.archive.Refusals(t.Context())
		if err != nil || rerr != nil || len(peers) == 0 || len(refusals) == 0 {
			return false
		}
		if p := peers[0]; p.Name != "modality" || p.CallingAE != "MODALITY" || p.Objects != 1 || p.Associations != 1 {
			t.Errorf("peer %+v", p)
		}
		if r := refusals[0]; r.Kind != "association" || r.CallingAE != "STRANGER" || r.Count != 1 || r.Words == "" {
			t.Errorf("refusal %+v", r)
		}
		return true
	})
}
