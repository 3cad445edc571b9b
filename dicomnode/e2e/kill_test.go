package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/node"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/archive"
)

// kills is how a node is killed while images stream in.
type kills struct {
	images, random int
	// delivering are the arrivals at the PACS during which the node is killed: the PACS
	// has stored the object and its answer reaches nobody.
	delivering []int
}

// The node is killed at random moments, and between a delivery and its answer,
// while images stream in. Every image that was answered 0000 has exactly one
// segmentation at the PACS in the end, and what came twice was the same bytes.
func TestKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	pacs := nodetest.NewKeepingPACS(t)
	k := nodetest.NewProcess(t, pacs.PeersAndRoutes())
	killedAtRandomMoments(t, kills{100, 4, []int{10, 50, 90}}, pacs, k, k.As("MODALITY"))
}

// The same holds with DICOM TLS on both sides.
func TestKilledAtRandomMomentsOverTLS(t *testing.T) {
	t.Parallel()
	site := nodetest.NewSite(t, "modality", "pacs")
	pacs := nodetest.NewSecureKeepingPACS(t, site)
	killedAtRandomMoments(t, kills{30, 3, []int{5, 15, 25}}, pacs, nodetest.NewProcess(t, pacs.SecurePeersAndRoutes(site)), site.As("MODALITY", "modality"))
}

func killedAtRandomMoments(t *testing.T, plan kills, pacs *nodetest.KeepingPACS, k *nodetest.Process, sender scu.Destination) {
	t.Helper()
	delivering := make(chan chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	pacs.Answer = func(n int) {
		if slices.Contains(plan.delivering, n) {
			killed := make(chan struct{})
			select {
			case delivering <- killed:
				<-killed
			case <-ctx.Done():
			}
		}
	}
	k.Start(t)
	acknowledged := make(chan string, plan.images)
	streamed := make(chan struct{})
	go func() { defer close(streamed); stream(ctx, t, sender, plan.images, acknowledged) }()
	defer func() { cancel(); <-streamed }()

	acked := killWhile(ctx, t, plan, k, acknowledged, delivering)
	settled(ctx, t, k, pacs, len(acked))
	k.Stop(t)
	counts := pacs.Sources()
	for _, uid := range acked {
		if counts[uid] != 1 {
			t.Errorf("an acknowledged image has %d segmentations", counts[uid])
		}
	}
	if len(counts) != len(acked) {
		t.Errorf("segmentations of %d images, %d were acknowledged", len(counts), len(acked))
	}
	if pacs.Repeats < len(plan.delivering) {
		t.Errorf("%d repeats reached the PACS, want at least the %d that it could not answer", pacs.Repeats, len(plan.delivering))
	}
	if pacs.Changed > 0 {
		t.Errorf("%d of %d repeats were other bytes under the same SOP Instance UID", pacs.Changed, pacs.Repeats)
	}
	t.Logf("%d images acknowledged, %d arrivals at the PACS, %d of them repeats", len(acked), pacs.Arrivals, pacs.Repeats)
}

// killWhile kills the node while images are acknowledged and returns their SOP
// Instance UIDs when all are and all kills are done.
func killWhile(ctx context.Context, t *testing.T, plan kills, k *nodetest.Process, acknowledged <-chan string, delivering <-chan chan struct{}) (acked []string) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	moment := func() time.Duration { return time.Duration(100+random.IntN(1500)) * time.Millisecond }
	next := time.NewTimer(moment())
	defer next.Stop()
	for randomly, within := 0, 0; randomly < plan.random || within < len(plan.delivering) || len(acked) < plan.images; {
		select {
		case uid := <-acknowledged:
			acked = append(acked, uid)
		case killed := <-delivering:
			k.Kill()
			close(killed)
			k.Start(t)
			within++
		case <-next.C:
			k.Kill()
			k.Start(t)
			if randomly++; randomly < plan.random {
				next.Reset(moment())
			}
		case <-ctx.Done():
			t.Fatalf("%d images acknowledged after %d random kills and %d within deliveries", len(acked), randomly, within)
		}
	}
	return acked
}

// settled waits until the PACS has a segmentation of each image and the node has
// nothing more to do.
func settled(ctx context.Context, t *testing.T, k *nodetest.Process, pacs *nodetest.KeepingPACS, images int) {
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
	nodetest.Until(t, fmt.Sprintf("segmentations of %d images and an empty queue", images), func() bool {
		s, err := a.Stats(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return len(pacs.Sources()) >= images && s.Waiting+s.Running+s.Retrying+s.Quarantined == 0
	})
}

// stream sends each image, again after a failure, until it is acknowledged.
func stream(ctx context.Context, t *testing.T, node scu.Destination, images int, acknowledged chan<- string) {
	dir := t.TempDir()
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for i := range images {
		image := nodetest.Image{Name: fmt.Sprintf("small-%03d", i), Rows: 96, Cols: 64 + i}
		file, err := image.Write(dir)
		if err != nil {
			t.Errorf("write %s: %v", filepath.Base(file), err)
			return
		}
		for stored := false; !stored; {
			results, _ := node.StoreFiles(ctx, []string{file}, func() {}) // a killed node is no news
			stored = len(results) == 1 && results[0].Status == "0000"
			select {
			case <-pause.C:
			case <-ctx.Done():
				return
			}
		}
		select {
		case acknowledged <- image.Instance():
		case <-ctx.Done():
			return
		}
	}
}
