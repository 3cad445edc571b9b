package node

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"dicomnode/dicomnode/nodetest"
)

// TestCutOverTLS has connections over DICOM TLS lost at any byte, from the modality, to the
// PACS and from it, while images come, come again, and are committed by a PACS that loses
// some, answers late, twice, wrongly or not at all. In the end each image that was
// answered 0000 has one result that is committed, and meanwhile nothing counts as
// committed that the PACS does not have. FAULTS sets how many faults there are at least.
func TestCutOverTLS(t *testing.T) {
	faults := 12
	if s := os.Getenv("FAULTS"); s != "" {
		var err error
		if faults, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	var whole atomic.Bool
	within := func(most int64) func() int64 {
		return func() int64 {
			if whole.Load() || rand.IntN(2) == 0 {
				return -1
			}
			return rand.Int64N(most)
		}
	}
	// A handshake takes 3 KiB, an image 12 KiB, a result or a request less than 1 KiB.
	toNode, toPACS := nodetest.NewCutter(t, within(20<<10)), nodetest.NewCutter(t, within(6<<10))
	site := nodetest.NewSite(t, "modality", "pacs")
	site.Port = port(t, toNode.Address)
	pacs := nodetest.NewSecureCommittingPACS(t, site)
	toPACS.To(pacs.Address)
	seen, odd := map[string]bool{}, 0
	pacs.Behave = func(instances []string) nodetest.Behaviour {
		for _, i := range instances {
			if seen[i] {
				return nodetest.Honest
			}
			seen[i] = true
		}
		odd++
		return nodetest.Behaviours[odd%len(nodetest.Behaviours)]
	}
	n := startQuick(t, site.Config(t.TempDir(), toPACS.Address))
	toNode.To(n.Addr)
	modality := site.As("MODALITY", "modality")
	images, repeats := []string{}, 0
	most := func(open int) func() bool { // of the results are not committed
		return func() bool {
			n.checkCommitted(t, pacs)
			n.destinations.forget() // it would wait before it asks again
			return n.delivered(t, pacs) >= len(images)-open
		}
	}
	for min(toNode.Cuts(), toPACS.Cuts()) < faults/3 || toNode.Cuts()+toPACS.Cuts()+repeats < faults {
		image := nodetest.Image{Name: fmt.Sprintf("cut-%d", len(images)), Rows: 96, Cols: 64}
		file := image.File(t, t.TempDir())
		for sent := 0; sent <= len(images)%2; { // every second is sent again
			results, err := modality.StoreFiles(t.Context(), []string{file}, func() {})
			if err == nil && results[0].Error == "" {
				sent++
			}
		}
		repeats += len(images) % 2
		images = append(images, image.Instance())
		nodetest.Until(t, "the commitment of most results", most(2))
	}
	whole.Store(true)
	nodetest.Until(t, "the commitment of all results", most(0))
	counts := pacs.Sources()
	for i, image := range images {
		if counts[image] != 1 {
			t.Errorf("image %d has %d results at the PACS", i, counts[image])
		}
	}
	if pacs.Changed > 0 || toNode.Cuts() == 0 || toPACS.Cuts() == 0 {
		t.Errorf("%d repeats of results were other bytes; %d connections to the node and %d to the PACS were cut", pacs.Changed, toNode.Cuts(), toPACS.Cuts())
	}
	t.Logf("%d images; cut: %d connections to the node, %d to the PACS; %d images again; %d requests for commitment, %d of them answered oddly; %d results came again",
		len(images), toNode.Cuts(), toPACS.Cuts(), repeats, pacs.Asked(), odd, pacs.Repeats)
}
