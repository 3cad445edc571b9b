package archive_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
)

func TestSegmentThenDeliver(t *testing.T) {
	a := open(t, options(durabletest.Dir(t)))
	var mu sync.Mutex
	sent := map[string]archive.Object{}
	work(t, a, archive.Handlers{
		Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
			return made(seg(o, "pacs", "research")), nil
		},
		Deliver: func(_ context.Context, o archive.Object, destination string) (archive.Answer, error) {
			mu.Lock()
			defer mu.Unlock()
			sent[destination] = o
			return delivered()
		},
	})
	source := receive(t, a, "1.2.3", archive.Segment)
	await(t, "deliveries", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(sent) == 2 && len(queue(t, a)) == 0
	})
	for destination, o := range sent {
		if o.SOPInstanceUID != "1.2.3.9" || o.ParentID != source.ID || o.SOPClassUID != segClass || o.StudyInstanceUID != "1.2.3.4" {
			t.Errorf("delivered to %s: %+v", destination, o)
		}
		if got, want := len(contents(t, o)), len(dataset(segClass, "1.2.3.9", 100, 9)); got != want {
			t.Errorf("delivered to %s: %d bytes, want %d", destination, got, want)
		}
	}
}

// TestSegmentRepeats runs a job again whose outputs are committed: they are reused, and only a
// new destination gets a delivery.
func TestSegmentRepeats(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	var mu sync.Mutex
	destinations, sent, runs := []string{"pacs"}, map[string]int{}, 0
	work(t, a, archive.Handlers{
		Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
			mu.Lock()
			defer mu.Unlock()
			runs++
			return made(seg(o, destinations...)), nil
		},
		Deliver: func(_ context.Context, _ archive.Object, destination string) (archive.Answer, error) {
			mu.Lock()
			defer mu.Unlock()
			sent[destination]++
			return delivered()
		},
	})
	o := receive(t, a, "1.2.3", archive.Segment)
	await(t, "first run", func() bool { return len(queue(t, a)) == 0 })
	mu.Lock()
	destinations = []string{"pacs", "research"}
	mu.Unlock()
	if n, err := a.Reprocess(t.Context(), o.ID); n != 1 || err != nil {
		t.Fatalf("reprocess: %d jobs, %v", n, err)
	}
	await(t, "second run", func() bool { return len(queue(t, a)) == 0 })
	if diff := cmp.Diff(map[string]int{"pacs": 1, "research": 1}, sent); diff != "" || runs != 2 {
		t.Errorf("%d runs, want 2; deliveries (-want +got):\n%s", runs, diff)
	}
	if n := len(objectFiles(t, dir)); n != 2 {
		t.Errorf("%d files, want 2", n)
	}
	if _, err := a.Reprocess(t.Context(), o.ID, 4711); !errors.Is(err, archive.ErrNotFound) || len(queue(t, a)) != 0 {
		t.Errorf("reprocess of an unknown object: %v", err)
	}
}

func TestDarkJob(t *testing.T) {
	a := open(t, options(durabletest.Dir(t)))
	got := make(chan archive.Object, 1)
	work(t, a, archive.Handlers{Dark: func(_ context.Context, o archive.Object) error { got <- o; return nil }})
	want := receive(t, a, "1.2.3", archive.Dark)
	if o := <-got; o.ID != want.ID || o.Name != want.Name {
		t.Errorf("dark job got object %d, want %d", o.ID, want.ID)
	}
}

func TestFailuresAreRetried(t *testing.T) {
	a := open(t, options(durabletest.Dir(t)))
	var runs atomic.Int32
	work(t, a, archive.Handlers{
		Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
			return made(seg(o, "pacs")), nil
		},
		Deliver: func(context.Context, archive.Object, string) (archive.Answer, error) {
			switch runs.Add(1) {
			case 1:
				return archive.Answer{}, errors.New("not yet")
			case 2:
				panic("at the disco")
			}
			return delivered()
		},
	})
	receive(t, a, "1.2.3", archive.Segment)
	await(t, "job done", func() bool { return len(queue(t, a)) == 0 })
	if n := runs.Load(); n != 3 {
		t.Errorf("%d runs, want 3", n)
	}
}

func TestQuarantine(t *testing.T) {
	a := open(t, options(durabletest.Dir(t)))
	var mended atomic.Bool
	work(t, a, archive.Handlers{Segment: func(context.Context, archive.Object) (archive.Made, error) {
		if mended.Load() {
			return made(), nil
		}
		return archive.Made{}, archive.Permanent(errors.New("unsupported pixels"))
	}})
	o := receive(t, a, "1.2.3", archive.Segment)
	var entries []archive.Entry
	await(t, "quarantine", func() bool {
		entries = queue(t, a)
		return len(entries) == 1 && entries[0].State == archive.Quarantined
	})
	e := entries[0]
	if e.ObjectID != o.ID || e.Attempts != 1 || !e.NextAt.IsZero() || !e.Received.Equal(o.Received) {
		t.Errorf("entry %+v", e)
	}
	if want := "unsupported pixels"; e.Reason != want {
		t.Errorf("reason %q, want %q", e.Reason, want)
	}
	if s, err := a.Stats(t.Context()); err != nil || s.Quarantined != 1 || s.Waiting != 0 || s.Objects != 1 || !s.Oldest.IsZero() {
		t.Errorf("stats %+v, %v", s, err)
	}
	receive(t, a, "1.2.4", archive.Keep) // a quarantined job blocks no other
	mended.Store(true)
	if n, err := a.Retry(t.Context(), e.ID+1000); n != 0 || err != nil {
		t.Errorf("retry of an unknown id: %d, %v", n, err)
	}
	if n, err := a.Retry(t.Context()); n != 1 || err != nil {
		t.Errorf("retry: %d, %v; want 1", n, err)
	}
	await(t, "job done after retry", func() bool { return len(queue(t, a)) == 0 })
}

func TestRetryAndDropFromAnotherProcess(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	var mended atomic.Bool
	work(t, a, archive.Handlers{Dark: func(context.Context, archive.Object) error {
		if mended.Load() {
			return nil
		}
		return archive.Permanent(errors.New("no detector"))
	}})
	receive(t, a, "1.2.3", archive.Dark)
	receive(t, a, "1.2.4", archive.Dark)
	shared, err := archive.OpenShared(t.Context(), options(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	var entries []archive.Entry
	await(t, "quarantine", func() bool {
		entries = queue(t, shared)
		return len(entries) == 2 && entries[0].State == archive.Quarantined && entries[1].State == archive.Quarantined
	})
	if ids, err := shared.Drop(t.Context(), entries[0].ID, 999); !slices.Equal(ids, []int64{entries[0].ID}) || err != nil {
		t.Errorf("drop: %v, %v; want the one job", ids, err)
	}
	mended.Store(true)
	if n, err := shared.Retry(t.Context(), entries[0].ID, entries[1].ID); n != 1 || err != nil {
		t.Errorf("retry: %d, %v; want 1: the other was dropped", n, err)
	}
	await(t, "job done", func() bool { return len(queue(t, a)) == 0 })
	if _, err := a.Find(t.Context(), "1.2.3"); err != nil {
		t.Errorf("object of a dropped job: %v", err)
	}
}

func TestAttemptsEnd(t *testing.T) {
	opt := options(durabletest.Dir(t))
	opt.MaxAttempts = 3
	a := open(t, opt)
	var runs atomic.Int32
	work(t, a, archive.Handlers{Dark: func(context.Context, archive.Object) error {
		runs.Add(1)
		return errors.New("never")
	}})
	receive(t, a, "1.2.3", archive.Dark)
	await(t, "quarantine", func() bool {
		entries := queue(t, a)
		return len(entries) == 1 && entries[0].State == archive.Quarantined
	})
	if n := runs.Load(); n != 3 {
		t.Errorf("%d runs, want 3", n)
	}
	if ids, err := a.Drop(t.Context()); len(ids) != 1 || err != nil {
		t.Errorf("drop: %v, %v; want 1", ids, err)
	}
	if n := len(queue(t, a)); n != 0 {
		t.Errorf("%d jobs after drop, want none", n)
	}
}

// TestDeadDestination blocks every delivery to one destination until the end: the other must
// get all of its objects in the meantime.
func TestDeadDestination(t *testing.T) {
	a := open(t, options(durabletest.Dir(t)))
	release := make(chan struct{})
	var alive, dead atomic.Int32
	work(t, a, archive.Handlers{
		Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
			return made(seg(o, "dead", "alive")), nil
		},
		Deliver: func(ctx context.Context, _ archive.Object, destination string) (archive.Answer, error) {
			if destination == "alive" {
				alive.Add(1)
				return delivered()
			}
			<-release
			dead.Add(1)
			return delivered()
		},
	})
	for _, uid := range []string{"1.1", "1.2", "1.3", "1.4", "1.5", "1.6"} {
		receive(t, a, uid, archive.Segment)
	}
	await(t, "deliveries to the living", func() bool { return alive.Load() == 6 })
	if n := dead.Load(); n != 0 {
		t.Errorf("%d deliveries to the dead", n)
	}
	close(release)
	await(t, "deliveries after resurrection", func() bool { return dead.Load() == 6 })
}

// TestStopRepeatsWithoutAttempt ends Work while a job runs: this does not count as a failure.
func TestStopRepeatsWithoutAttempt(t *testing.T) {
	opt := options(durabletest.Dir(t))
	opt.StopTimeout = 10 * time.Millisecond
	opt.MaxAttempts = 1
	a := open(t, opt)
	began := make(chan struct{}, 2)
	stop := work(t, a, archive.Handlers{Dark: func(ctx context.Context, _ archive.Object) error {
		began <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}})
	receive(t, a, "1.2.3", archive.Dark)
	<-began
	stop()
	entries := queue(t, a)
	if len(entries) != 1 || entries[0].State != archive.Waiting || entries[0].Attempts != 0 {
		t.Errorf("queue after stop %+v, want one waiting job without attempts", entries)
	}
	work(t, a, archive.Handlers{Dark: func(context.Context, archive.Object) error { return nil }})
	await(t, "job done", func() bool { return len(queue(t, a)) == 0 })
}

func TestOutputsAreChecked(t *testing.T) {
	for name, spoil := range map[string]func(*archive.Output){
		"not a data set": func(o *archive.Output) {
			o.Write = func(w io.Writer) error { _, err := io.WriteString(w, "hello, world"); return err }
		},
		"other instance":  func(o *archive.Output) { o.SOPInstanceUID = "1.2.77" },
		"UID of a source": func(o *archive.Output) { o.SOPInstanceUID = "1.2.4" },
		"same UID twice":  func(o *archive.Output) { o.SOPInstanceUID = "1.5.9" },
		"invalid UID":     func(o *archive.Output) { o.SOPInstanceUID = "../x" },
	} {
		t.Run(name, func(t *testing.T) {
			dir := durabletest.Dir(t)
			a := open(t, options(dir))
			receive(t, a, "1.2.4", archive.Keep)
			work(t, a, archive.Handlers{Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
				out := seg(o, "pacs")
				spoil(&out)
				return made(seg(like("1.5")), out), nil
			}})
			receive(t, a, "1.2.3", archive.Segment)
			await(t, "quarantine", func() bool {
				entries := queue(t, a)
				return len(entries) == 1 && entries[0].State == archive.Quarantined
			})
			if files := objectFiles(t, dir); len(files) != 2 {
				t.Errorf("files %v, want the two received", files)
			}
		})
	}
}

// TestStopWithNewDestination ends Work while a job makes the first output for a destination:
// the job finishes and the delivery waits for the next start.
func TestStopWithNewDestination(t *testing.T) {
	opt := options(durabletest.Dir(t))
	opt.StopTimeout = 20 * time.Second
	a := open(t, opt)
	began, stopping := make(chan struct{}), make(chan struct{})
	deliver := func(context.Context, archive.Object, string) (archive.Answer, error) { return delivered() }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- a.Work(ctx, archive.Handlers{Deliver: deliver, Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
			close(began)
			<-stopping
			return made(seg(o, "new")), nil
		}})
	}()
	receive(t, a, "1.2.3", archive.Segment)
	<-began
	cancel()
	time.AfterFunc(50*time.Millisecond, func() { close(stopping) })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if entries := queue(t, a); len(entries) != 1 || entries[0].Destination != "new" || entries[0].State != archive.Waiting {
		t.Errorf("queue after stop %+v, want the delivery", entries)
	}
	work(t, a, archive.Handlers{Deliver: deliver})
	await(t, "delivery", func() bool { return len(queue(t, a)) == 0 })
}
