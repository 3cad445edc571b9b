package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/node"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/archive"
	"dicomnode/internal/archive/index"
)

// The node is killed while a PACS has its request for storage commitment and has not
// answered it, and the PACS loses, delays and mixes up some. In the end every result is
// delivered, and the PACS has each.
func TestKilledAskingForCommitment(t *testing.T) {
	t.Parallel()
	pacs := nodetest.NewCommittingPACS(t)
	k := nodetest.NewProcess(t, pacs.PeersAndRoutes()+"network: {commitment_wait: 5s}\n")
	pacs.AnswerTo(k.As("MODALITY").Peer.Address)
	killedAskingForCommitment(t, pacs, k, k.As("MODALITY"))
}

// The same holds with DICOM TLS on both sides.
func TestKilledAskingForCommitmentOverTLS(t *testing.T) {
	t.Parallel()
	site := nodetest.NewSite(t, "modality", "pacs")
	pacs := nodetest.NewSecureCommittingPACS(t, site)
	k := nodetest.NewProcess(t, pacs.SecurePeersAndRoutes(site)+"network: {commitment_wait: 5s}\n")
	killedAskingForCommitment(t, pacs, k, site.As("MODALITY", "modality"))
}

func killedAskingForCommitment(t *testing.T, pacs *nodetest.CommittingPACS, k *nodetest.Process, sender scu.Destination) {
	t.Helper()
	const images, killed = 5, 3
	asked := make(chan chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	var mu sync.Mutex
	faults := []nodetest.Behaviour{nodetest.Honest, nodetest.Forgetful, nodetest.Silent, nodetest.Stranger, nodetest.Partial, nodetest.Broken}
	requests := 0
	pacs.Behave = func([]string) nodetest.Behaviour {
		mu.Lock()
		defer mu.Unlock()
		if requests++; requests <= killed {
			done := make(chan struct{})
			select {
			case asked <- done:
				<-done
			case <-ctx.Done():
			}
		}
		if len(faults) == 0 {
			return nodetest.Honest
		}
		how := faults[0]
		faults = faults[1:]
		return how
	}
	k.Start(t)
	acknowledged := make(chan string) // the next image is sent when it is read
	go stream(ctx, t, sender, images, acknowledged)
	next := func() {
		select {
		case <-acknowledged:
		case <-ctx.Done():
			t.Fatal("an image was not taken in time")
		}
	}
	for range killed {
		select {
		case done := <-asked:
			k.Kill()
			close(done)
			k.Start(t)
			next() // one request may be about all that was sent before
		case <-ctx.Done():
			t.Fatal("the PACS was not asked in time")
		}
	}
	for range images - killed {
		next()
	}
	awaitCommitted(ctx, t, k, pacs, images)
	k.Stop(t)
	t.Logf("%d requests for commitment, %d arrivals, %d repeats", pacs.Asked(), pacs.Arrivals, pacs.Repeats)
}

// awaitCommitted waits until all results are committed, and fails where one counts as
// delivered that the PACS does not have.
func awaitCommitted(ctx context.Context, t *testing.T, k *nodetest.Process, pacs *nodetest.CommittingPACS, want int) {
	t.Helper()
	c, err := configs.Load(k.Config)
	if err != nil {
		t.Fatal(err)
	}
	a, err := archive.OpenShared(ctx, archive.Options{Dir: node.ArchiveDir(c)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for count := 0; count < want; {
		count = 0
		nodetest.Until(t, fmt.Sprintf("a look at %d images", want), func() bool {
			images, err := a.Search(ctx, index.Query{ReceivedOnly: true}, 100)
			return err == nil && len(images) == want
		})
		count = committed(ctx, t, a, pacs)
		select {
		case <-ctx.Done():
			t.Fatalf("%d of %d results are committed", count, want)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func committed(ctx context.Context, t *testing.T, a *archive.Archive, pacs *nodetest.CommittingPACS) (count int) {
	t.Helper()
	images, err := a.Search(ctx, index.Query{ReceivedOnly: true}, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range images {
		results, err := a.Results(ctx, image.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			deliveries, err := a.Deliveries(ctx, r.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range deliveries {
				if d.State != index.Delivered {
					continue
				}
				if count++; !pacs.Has(r.SOPInstanceUID) {
					t.Errorf("object %d counts as delivered, and the PACS does not have it", r.ID)
				}
			}
		}
	}
	return count
}
