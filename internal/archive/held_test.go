package archive_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dicomnode/internal/archive"
	"dicomnode/internal/archive/index"
	"dicomnode/internal/durable/durabletest"
)

// doubtful returns handlers whose results are held, and the number of deliveries.
func doubtful() (h archive.Handlers, sent *atomic.Int64) {
	sent = &atomic.Int64{}
	h.Segment = func(_ context.Context, o archive.Object) (archive.Made, error) {
		m := made(seg(o, "pacs", "second"))
		m.Held = "quality 0.700 is below 0.860"
		return m, nil
	}
	h.Deliver = func(context.Context, archive.Object, string) (archive.Answer, error) {
		sent.Add(1)
		return delivered()
	}
	return h, sent
}

// heldIn makes an archive with the held results of some images.
func heldIn(t *testing.T, dir string, instances ...string) {
	t.Helper()
	a := open(t, options(dir))
	for _, instance := range instances {
		receive(t, a, instance, archive.Segment)
	}
	h, sent := doubtful()
	stop := work(t, a, h)
	idle(t, a)
	stop()
	if n := sent.Load(); n != 0 {
		t.Fatalf("%d deliveries of held results", n)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

// states returns the states of the deliveries of a result.
func states(t *testing.T, a *archive.Archive, instance string) map[string]index.DeliveryState {
	t.Helper()
	o, err := a.Find(t.Context(), instance)
	if err != nil {
		t.Fatal(err)
	}
	all, err := a.Deliveries(t.Context(), o.ID)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]index.DeliveryState{}
	for _, d := range all {
		m[d.Destination] = d.State
	}
	return m
}

func wantStates(t *testing.T, what string, a *archive.Archive, instance string, state index.DeliveryState) {
	t.Helper()
	if diff := cmp.Diff(map[string]index.DeliveryState{"pacs": state, "second": state}, states(t, a, instance)); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

// A held result is delivered only when it is released, not after a restart, a new segmentation
// or a resend.
func TestHeldUntilReleased(t *testing.T) {
	dir := durabletest.Dir(t)
	heldIn(t, dir, "1.2.3", "1.2.4")
	a := open(t, options(dir))
	if q := queue(t, a); len(q) != 0 {
		t.Errorf("jobs after a restart: %+v", q)
	}
	held, err := a.Held(t.Context())
	if err != nil || len(held) != 4 || held[0].Words != "quality 0.700 is below 0.860" {
		t.Fatalf("held %+v, %v", held, err)
	}
	first := held[0].ObjectID
	if n, err := a.Resend(t.Context(), archive.Resending{}, first); n != 0 || err != nil {
		t.Errorf("sent again: %d, %v; want none while it is held", n, err)
	}
	if acts, err := a.Acts(t.Context(), 10); len(acts) != 0 || err != nil {
		t.Errorf("acts %+v, %v; want none, nothing was sent", acts, err)
	}
	source, err := a.Find(t.Context(), "1.2.3")
	if err == nil {
		_, err = a.Reprocess(t.Context(), source.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	h, sent := doubtful()
	h.Segment = func(_ context.Context, o archive.Object) (archive.Made, error) {
		return made(seg(o, "pacs", "second")), nil
	}
	work(t, a, h)
	idle(t, a)
	wantStates(t, "segmented again without a limit", a, "1.2.3.9", index.Held)
	if n, err := a.Release(archive.WithReason(t.Context(), "looked at"), first, 999); n != 2 || err != nil {
		t.Errorf("released %d, %v; want 2", n, err)
	}
	idle(t, a)
	wantStates(t, "released", a, "1.2.3.9", index.Delivered)
	wantStates(t, "the other", a, "1.2.4.9", index.Held)
	if n := sent.Load(); n != 2 {
		t.Errorf("%d deliveries, want 2", n)
	}
	if n, err := a.DropHeld(t.Context(), held[2].ObjectID, first); n != 2 || err != nil {
		t.Errorf("dropped %d, %v; want 2", n, err)
	}
	wantStates(t, "dropped", a, "1.2.4.9", index.Refused)
	if n, err := a.DropHeld(t.Context(), first); n != 0 || err != nil {
		t.Errorf("dropped %d, %v; want none", n, err)
	}
	acts, err := a.Acts(t.Context(), 2)
	if err != nil || len(acts) != 2 || acts[0].What != "drop" || acts[1].What != "release" || acts[1].Reason != "looked at" || len(archive.ActObjects(acts[1])) != 2 {
		t.Errorf("acts %+v, %v", acts, err)
	}
	if n, err := a.Resend(t.Context(), archive.Resending{Dropped: true}, held[2].ObjectID); n != 2 || err != nil {
		t.Errorf("what was dropped is sent after all: %d, %v; want 2", n, err)
	}
}

// A held result does not expire; after it is dropped it does.
func TestHeldDoesNotExpire(t *testing.T) {
	dir := durabletest.Dir(t)
	heldIn(t, dir, "1.2.3")
	a := open(t, options(dir))
	if n, err := a.Prune(t.Context(), time.Now()); n != 0 || err != nil {
		t.Errorf("pruned %d, %v; want none", n, err)
	}
	o, err := a.Find(t.Context(), "1.2.3.9")
	if err == nil {
		_, err = a.DropHeld(t.Context(), o.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	if n, err := a.Prune(t.Context(), time.Now()); n != 2 || err != nil {
		t.Errorf("pruned %d, %v; want image and result", n, err)
	}
}

// The held result of a corrected image is withdrawn.
func TestHeldIsSuperseded(t *testing.T) {
	dir := durabletest.Dir(t)
	heldIn(t, dir, "1.2.3")
	a := open(t, options(dir))
	if _, err := send(t, a, patient("RIGHT1"), archive.Segment); err != nil {
		t.Fatal(err)
	}
	wantStates(t, "of the version before", a, "1.2.3.9", index.Withdrawn)
	if held, err := a.Held(t.Context()); err != nil || len(held) != 0 {
		t.Errorf("held %+v, %v", held, err)
	}
}

// A rebuilt index holds what was held, with and without data of the old index, and does not
// hold what was released before.
func TestHeldAfterRebuild(t *testing.T) {
	for name, lost := range map[string]bool{"from the old index": false, "from the files": true} {
		t.Run(name, func(t *testing.T) {
			dir := durabletest.Dir(t)
			heldIn(t, dir, "1.2.3", "1.2.4")
			a := open(t, options(dir))
			o, err := a.Find(t.Context(), "1.2.4.9")
			if err == nil {
				_, err = a.Release(t.Context(), o.ID)
			}
			if err = errors.Join(err, a.Close()); err != nil {
				t.Fatal(err)
			}
			if lost {
				files, err := filepath.Glob(filepath.Join(dir, "index.sqlite*"))
				if err != nil || len(files) == 0 {
					t.Fatal(files, err)
				}
				for _, f := range files {
					if err := os.Remove(f); err != nil {
						t.Fatal(err)
					}
				}
			}
			if _, err := archive.Rebuild(t.Context(), options(dir), true, func() {}); err != nil {
				t.Fatal(err)
			}
			a = open(t, options(dir))
			wantStates(t, "held", a, "1.2.3.9", index.Held)
			released := index.Pending
			if lost { // the release is unknown: better to ask twice
				released = index.Held
			}
			wantStates(t, "released", a, "1.2.4.9", released)
		})
	}
}
