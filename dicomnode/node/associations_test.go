package node

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/archive"
)

// An association that waits for the next object breaks when it comes, after the PACS had
// the object: where the PACS closes it, the object is sent once more at once; where the
// PACS stays silent, it is not, and the next try is a minute's affair.
func TestAnObjectIsSentOnceMore(t *testing.T) {
	for name, c := range map[string]struct {
		closes bool
		want   int // times that the object came, the first delivery included
		log    string
	}{
		"closes":       {true, 3, ""},
		"stays silent": {false, 2, `msg="destination fails" destination=pacs`},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			pacs := nodetest.NewOddPACS(t, nodetest.Oddity{
				Pieces: func(pdu []byte) [][]byte {
					if asked.Add(1) == 2 {
						return nil
					}
					return [][]byte{pdu}
				},
				Then: func(nc net.Conn) {
					if c.closes && asked.Load() == 2 {
						_ = nc.Close()
					}
				},
			})
			config := nodetest.Config(t.TempDir(), pacs.Address)
			config.Network.ResponseTimeout = time.Second
			n := startNode(t, config)
			nodetest.Store(t, n.As("MODALITY", "XNET"), []string{nodetest.Image{Name: "image", Rows: 40, Cols: 32}.File(t, t.TempDir())})
			n.Settle(t)
			made, err := n.archive.Results(t.Context(), 1)
			if err != nil || len(made) != 1 {
				t.Fatal(made, err)
			}
			if jobs, err := n.archive.Resend(t.Context(), archive.Resending{}, made[0].ID); jobs != 1 || err != nil {
				t.Fatal(jobs, err)
			}
			nodetest.Until(t, "the second delivery", func() bool {
				entries, err := n.archive.Queue(t.Context())
				return err == nil && (c.log != "" && strings.Contains(n.Log.String(), c.log) || c.log == "" && len(entries) == 0)
			})
			if got := pacs.Most(); got != c.want {
				t.Errorf("the object came %d times, want %d", got, c.want)
			}
			if failed := strings.Contains(n.Log.String(), "destination fails"); failed != (c.log != "") {
				t.Errorf("the log calls the destination failing: %v", failed)
			}
		})
	}
}

// A result whose file is damaged is made again. Its destination is not called failing: it has no
// part in it, and would be left alone for a while.
func TestADamagedResultIsNoFailureOfItsDestination(t *testing.T) {
	pacs := nodetest.NewOddPACS(t, nodetest.Oddity{})
	n := startNode(t, nodetest.Config(t.TempDir(), pacs.Address))
	nodetest.Store(t, n.As("MODALITY", "XNET"), []string{nodetest.Image{Name: "image", Rows: 40, Cols: 32}.File(t, t.TempDir())})
	n.Settle(t)
	made, err := n.archive.Results(t.Context(), 1)
	if err != nil || len(made) != 1 {
		t.Fatal(made, err)
	}
	path := filepath.Join(ArchiveDir(*n.config.Load()), made[0].Name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-20] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if jobs, err := n.archive.Resend(t.Context(), archive.Resending{}, made[0].ID); jobs != 1 || err != nil {
		t.Fatal(jobs, err)
	}
	nodetest.Until(t, "the result to come again", func() bool { return pacs.Most() == 2 })
	log := n.Log.String()
	if strings.Contains(log, "destination fails") || !strings.Contains(log, "the fault is on this machine, not at PACS") {
		t.Errorf("the log says\n%s", log)
	}
}
