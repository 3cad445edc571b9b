package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/configs"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/archive"
	"dicomnode/internal/archive/index"
	"dicomnode/internal/iod"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// A batch is one request; a request that fails is repeated, with
// growing pauses, and together with what came meanwhile.
func TestBatchesAreRequestedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var asked [][]int64
		var at []time.Duration
		begun := time.Now()
		c := newCommitments(nil)
		c.request = func(_ context.Context, destination string, objects []int64) error {
			mu.Lock()
			defer mu.Unlock()
			asked, at = append(asked, objects), append(at, time.Since(begun))
			if len(asked) <= 2 {
				return fmt.Errorf("%s is down", destination)
			}
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); c.run(ctx) }()
		for id := range int64(5) {
			c.join("pacs", id+1)
			time.Sleep(time.Second) // of synctest: the batch goes on
		}
		for range 10 {
			c.join("pacs", 1) // its job looks again, which puts nothing off
			time.Sleep(time.Second)
		}
		c.join("pacs", 6)
		time.Sleep(time.Minute)
		cancel()
		<-done
		want := [][]int64{{1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}, {1, 2, 3, 4, 5, 6}}
		if fmt.Sprint(asked) != fmt.Sprint(want) {
			t.Errorf("asked for %v, want %v", asked, want)
		}
		if fmt.Sprint(at) != "[7s 12s 22s]" {
			t.Errorf("asked at %v", at)
		}
	})
}

// A request that meets a pause is repeated, without growing pauses: nothing has failed.
func TestRequestsDuringAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration // of one goroutine at a time
		begun := time.Now()
		c := newCommitments(nil)
		c.request = func(context.Context, string, []int64) error {
			if at = append(at, time.Since(begun)); len(at) <= 3 {
				return pausedBy(archive.Pause{Who: "anna", Since: begun})
			}
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); c.run(ctx) }()
		c.join("pacs", 1)
		time.Sleep(time.Hour) // of synctest
		cancel()
		<-done
		if fmt.Sprint(at) != "[3s 1m3s 2m3s 3m3s]" {
			t.Errorf("requested at %v", at)
		}
	})
}

// Who asks why a result of a paused destination is not committed hears of the pause, and
// the log has no failure.
func TestPauseOfACommittingDestination(t *testing.T) {
	n, log := keeper(t, configs.Retention{})
	c := *n.config.Load()
	c.Peers = []configs.Peer{{Name: "pacs", AETitle: "PACS", Address: "127.0.0.1:1", StorageCommitment: true}}
	n.config.Store(&c)
	if err := n.archive.PauseDestination(t.Context(), "pacs"); err != nil {
		t.Fatal(err)
	}
	if err := n.askCommitment(t.Context(), "pacs", []int64{1}); !errors.Is(err, errPaused) {
		t.Errorf("request: %v", err)
	}
	_, err := n.commit(t.Context(), archive.Object{}, index.Delivery{Destination: "pacs", State: index.Sent})
	if err == nil || !strings.Contains(err.Error(), "paused by ") {
		t.Errorf("job: %v", err)
	}
	if strings.Contains(log.String(), "WARN") {
		t.Errorf("the log says %s", log)
	}
}

// A request whose deliveries were dropped ends, also where the destination is down or no longer
// in the configuration; as long as one of them waits it is repeated.
func TestRequestsOfDroppedDeliveries(t *testing.T) {
	pacs := nodetest.NewOddPACS(t, nodetest.Oddity{})
	c := nodetest.Config(t.TempDir(), pacs.Address)
	c.Peers[1].StorageCommitment = true
	n := startNode(t, c)
	nodetest.Store(t, n.As("MODALITY", "XNET"), []string{nodetest.Image{Name: "image", Rows: 40, Cols: 32}.File(t, t.TempDir())})
	nodetest.Until(t, "the result to wait for its commitment", func() bool {
		sent, err := n.anySent(t.Context(), "pacs", []int64{2, 404})
		return sent && err == nil
	})
	gone := *n.config.Load()
	gone.Peers = gone.Peers[:1]
	n.config.Store(&gone)
	if err := n.requestCommitment(t.Context(), "pacs", []int64{2}); err == nil {
		t.Error("no error while a delivery waits")
	}
	entries, err := n.archive.Queue(t.Context())
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	nodetest.Until(t, "the delivery to be dropped, while it does not run", func() bool {
		dropped, err := n.archive.Drop(t.Context(), entries[0].ID)
		return len(dropped) == 1 && err == nil
	})
	if err := n.requestCommitment(t.Context(), "pacs", []int64{2}); err != nil {
		t.Errorf("after the delivery was dropped: %v", err)
	}
}

// Whatever a PACS does with requests for storage commitment, a result counts as
// delivered only while the PACS has it, and every result does in the end.
func TestNothingIsCommittedThatThePACSDoesNotHave(t *testing.T) {
	pacs := nodetest.NewCommittingPACS(t)
	behaviours := slices.Clone(nodetest.Behaviours)
	seen := map[string]bool{}
	pacs.Behave = func(instances []string) nodetest.Behaviour {
		fresh := slices.ContainsFunc(instances, func(i string) bool { return !seen[i] })
		for _, i := range instances {
			seen[i] = true
		}
		if !fresh || len(behaviours) == 0 {
			return nodetest.Honest
		}
		how := behaviours[0]
		behaviours = behaviours[1:]
		return how
	}
	c := nodetest.Config(t.TempDir(), pacs.Address)
	c.Peers[1].StorageCommitment = true
	c.Network.CommitmentWait = 2 * time.Second
	n := startQuick(t, c)
	pacs.AnswerTo(n.Addr)
	dir := t.TempDir()
	for i := range nodetest.Behaviours {
		file, err := nodetest.Image{Name: fmt.Sprintf("commit-%d", i), Rows: 96, Cols: 64}.Write(dir)
		if err != nil {
			t.Fatal(err)
		}
		nodetest.Store(t, n.As("MODALITY", "XNET"), []string{file})
		nodetest.Until(t, fmt.Sprintf("the commitment of result %d by a PACS that is %s", i+1, nodetest.Behaviours[i]), func() bool {
			n.checkCommitted(t, pacs)
			return n.delivered(t, pacs) > i
		})
	}
	if asked := pacs.Asked(); asked < 2*len(nodetest.Behaviours)-2 {
		t.Errorf("asked %d times: the PACS did not misbehave", asked)
	}
	nodetest.Until(t, "an end of the jobs", func() bool {
		s, err := n.Stats(t.Context())
		return err == nil && s.Waiting+s.Running+s.Retrying+s.Quarantined == 0
	})
}

// startQuick runs a node whose results are made without a network: they are only to be
// delivered.
func startQuick(t *testing.T, c configs.Config) *testNode {
	t.Helper()
	nodetest.RequireModel(t)
	return serveNode(t, Options{Config: c, retryBase: 10 * time.Millisecond}, func(n *Node) {
		n.commitments.quiet, n.commitments.pause = 10*time.Millisecond, 10*time.Millisecond
		n.segmentBy = func(_ context.Context, o archive.Object) (archive.Made, error) {
			instance := iod.UID("test result", o.SOPInstanceUID)
			return archive.Made{Outputs: []archive.Output{{SOPClassUID: uid.SegmentationStorage, SOPInstanceUID: instance,
				TransferSyntaxUID: uid.ExplicitVRLittleEndian, Destinations: []string{"pacs"}, Write: smallSEG(o, instance)}}}, nil
		}
	})
}

// smallSEG writes what a PACS of package nodetest asks of a segmentation.
func smallSEG(o archive.Object, instance string) func(io.Writer) error {
	var source, ds iod.DataSet
	source.Strings(tag.ReferencedSOPInstanceUID, o.SOPInstanceUID)
	ds.Strings(tag.SOPClassUID, uid.SegmentationStorage)
	ds.Strings(tag.SOPInstanceUID, instance)
	ds.Sequence(tag.SourceImageSequence, &source)
	ds.Strings(tag.StudyInstanceUID, o.StudyInstanceUID)
	ds.Strings(tag.SeriesInstanceUID, iod.UID("test series", o.SOPInstanceUID))
	return ds.Encode
}

// results are the deliveries of every result.
func (n *testNode) results(t *testing.T) (all map[string]index.Delivery) {
	t.Helper()
	all = map[string]index.Delivery{}
	images, err := n.archive.Search(t.Context(), index.Query{ReceivedOnly: true}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range images {
		results, err := n.archive.Results(t.Context(), image.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			deliveries, err := n.archive.Deliveries(t.Context(), r.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range deliveries {
				all[r.SOPInstanceUID] = d
			}
		}
	}
	return all
}

// checkCommitted fails the test where a result counts as delivered and the PACS does not
// have it. A PACS that takes its word back is believed again once it has.
func (n *testNode) checkCommitted(t *testing.T, pacs *nodetest.CommittingPACS) {
	t.Helper()
	for instance, d := range n.results(t) {
		if d.State == index.Delivered && !pacs.Has(instance) && !pacs.TookBack(instance) {
			t.Errorf("object %d counts as delivered, and the PACS does not have it: %+v", d.ObjectID, d)
		}
	}
}

// delivered counts results that are delivered and at the PACS.
func (n *testNode) delivered(t *testing.T, pacs *nodetest.CommittingPACS) (count int) {
	t.Helper()
	for instance, d := range n.results(t) {
		if d.State == index.Delivered && pacs.Has(instance) {
			count++
		}
	}
	return count
}

// A peer that is not to commit anything cannot say that it has.
func TestOnlyTheDestinationCommits(t *testing.T) {
	c := nodetest.Config(t.TempDir(), "127.0.0.1:104")
	c.Peers[1].StorageCommitment = true
	n := startNode(t, c)
	push := scp.Proposal{AbstractSyntax: uid.StorageCommitmentPushModel, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}, Roles: scp.SCPRole}
	for calling, want := range map[string]bool{"MODALITY": false, "PACS": true} {
		client, err := n.As(calling, "XNET").Dial(t.Context(), push)
		if err != nil {
			t.Fatal(err)
		}
		if got := client.Accepted(uid.StorageCommitmentPushModel, uid.ImplicitVRLittleEndian); got != want {
			t.Errorf("%s: accepted %t, want %t", calling, got, want)
		}
		client.Abort()
	}
}

// A destination that is not asked any more does not hold up what it was sent.
func TestCommitmentSwitchedOff(t *testing.T) {
	n := &Node{log: slog.New(slog.DiscardHandler), commitments: newCommitments(nil)}
	c := configs.Default()
	c.Peers = []configs.Peer{{Name: "pacs", AETitle: "PACS", Address: "127.0.0.1:104"}}
	n.config.Store(&c)
	next, err := n.commit(t.Context(), archive.Object{}, index.Delivery{Destination: "pacs", State: index.Sent})
	if next != index.Delivered || err != nil {
		t.Errorf("got %q, %v", next, err)
	}
}
