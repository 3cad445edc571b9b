// Package jobstest is a test suite for implementations of jobs.Queue.
package jobstest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dicomnode/internal/archive/jobs"
)

// Update runs f in a transaction of the index that the queue belongs to.
type Update func(ctx context.Context, f func(jobs.Tx) error) error

// Options returns options with small limits and short times.
func Options() jobs.Options {
	return jobs.Options{RetryBase: time.Millisecond, RetryMax: 5 * time.Millisecond, StopTimeout: 100 * time.Millisecond}
}

// Run runs the suite on empty queues made by open.
func Run(t *testing.T, open func(t *testing.T, opt jobs.Options) (jobs.Queue, Update)) {
	for _, c := range []struct {
		name string
		opt  func(*jobs.Options)
		run  func(*testing.T, queue)
	}{
		{"insert", nil, insert}, {"complete", nil, complete}, {"retry", nil, retry},
		{"attempts", func(o *jobs.Options) { o.MaxAttempts = 3 }, attempts},
		{"permanent", nil, permanent}, {"waiting for something", nil, awaits}, {"wake", nil, wake}, {"panic", nil, panics}, {"drop", nil, drop},
		{"stop", func(o *jobs.Options) { o.StopTimeout, o.MaxAttempts = 10*time.Millisecond, 1 }, stop},
		{"destinations", nil, destinations}, {"later", func(o *jobs.Options) { o.MaxAttempts = 2 }, later}, {"priority", nil, priority}, {"no handler", nil, noHandler},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			opt := Options()
			if c.opt != nil {
				c.opt(&opt)
			}
			q, update := open(t, opt)
			c.run(t, queue{q, update})
		})
	}
}

type queue struct {
	jobs.Queue
	update Update
}

func (q queue) tx(t testing.TB, f func(jobs.Tx) error) {
	t.Helper()
	if err := q.update(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func (q queue) insert(t testing.TB, all ...jobs.Job) {
	t.Helper()
	q.tx(t, func(tx jobs.Tx) error { return q.Insert(t.Context(), tx, all...) })
}

func (q queue) list(t testing.TB) []jobs.Entry {
	t.Helper()
	all, err := q.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// work runs handlers until the returned function is called.
func (q queue) work(t testing.TB, h jobs.Handlers) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- q.Work(ctx, h) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("work: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// await polls until ok returns true, or fails the test.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("timed out: %s", what)
		}
	}
}

func (q queue) empty(t testing.TB) {
	t.Helper()
	await(t, "the queue to empty", func() bool { return len(q.list(t)) == 0 })
}

func (q queue) quarantined(t testing.TB, n int) (all []jobs.Entry) {
	t.Helper()
	await(t, "quarantine", func() bool {
		s, err := q.Stats(t.Context())
		return err == nil && s.Quarantined == n
	})
	return q.list(t)
}

func insert(t *testing.T, q queue) {
	broken := errors.New("broken")
	err := q.update(t.Context(), func(tx jobs.Tx) error {
		return errors.Join(q.Insert(t.Context(), tx, jobs.Job{Kind: jobs.Dark, ObjectID: 1}), broken)
	})
	if !errors.Is(err, broken) || len(q.list(t)) != 0 {
		t.Errorf("after a transaction that failed: %v, %d jobs", err, len(q.list(t)))
	}
	q.insert(t)
	q.insert(t, jobs.Job{Kind: jobs.Segment, ObjectID: 7}, jobs.Job{Kind: jobs.Deliver, ObjectID: 8, Destination: "pacs", Priority: jobs.Again}, jobs.Job{Kind: jobs.Dark, ObjectID: 7})
	want := []jobs.Entry{
		{Job: jobs.Job{Kind: jobs.Segment, ObjectID: 7, Priority: jobs.New}, State: jobs.Waiting},
		{Job: jobs.Job{Kind: jobs.Deliver, ObjectID: 8, Destination: "pacs", Priority: jobs.Again}, State: jobs.Waiting},
		{Job: jobs.Job{Kind: jobs.Dark, ObjectID: 7, Priority: jobs.New}, State: jobs.Waiting},
	}
	ignore := cmpopts.IgnoreFields(jobs.Entry{}, "ID", "NextAt")
	if diff := cmp.Diff(want, q.list(t), ignore); diff != "" {
		t.Error(diff)
	}
	q.tx(t, func(tx jobs.Tx) error {
		of, err := q.Of(t.Context(), tx, 7, 99)
		if diff := cmp.Diff([]jobs.Entry{want[0], want[2]}, of, ignore); diff != "" {
			t.Error(diff)
		}
		ids, uerr := q.Undone(t.Context(), tx)
		slices.Sort(ids)
		if diff := cmp.Diff([]int64{7, 8}, ids); diff != "" {
			t.Error(diff)
		}
		return errors.Join(err, uerr)
	})
	if s, err := q.Stats(t.Context()); err != nil || s.Waiting != 3 || s.Oldest.IsZero() {
		t.Errorf("stats %+v, %v", s, err)
	}
}

func complete(t *testing.T, q queue) {
	var mu sync.Mutex
	var got []jobs.Job
	q.work(t, jobs.Handlers{
		jobs.Segment: func(ctx context.Context, r jobs.Run) error {
			mu.Lock()
			got = append(got, r.Job)
			mu.Unlock()
			return q.update(ctx, func(tx jobs.Tx) error {
				return errors.Join(r.Complete(ctx, tx), q.Insert(ctx, tx, jobs.Job{Kind: jobs.Deliver, ObjectID: 2, Destination: "pacs"}))
			})
		},
		jobs.Deliver: func(_ context.Context, r jobs.Run) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, r.Job)
			return nil
		},
	})
	q.insert(t, jobs.Job{Kind: jobs.Segment, ObjectID: 1})
	q.empty(t)
	want := []jobs.Job{{Kind: jobs.Segment, ObjectID: 1, Priority: jobs.New}, {Kind: jobs.Deliver, ObjectID: 2, Destination: "pacs", Priority: jobs.New}}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func retry(t *testing.T, q queue) {
	var runs atomic.Int32
	q.work(t, jobs.Handlers{jobs.Deliver: func(_ context.Context, r jobs.Run) error {
		if n := runs.Add(1); n != int32(r.Attempt) {
			t.Errorf("run %d is attempt %d", n, r.Attempt)
		}
		if r.Attempt < 3 {
			return errors.New("not yet")
		}
		return nil
	}})
	q.insert(t, jobs.Job{Kind: jobs.Deliver, ObjectID: 1, Destination: "pacs"})
	q.empty(t)
	if n := runs.Load(); n != 3 {
		t.Errorf("%d runs, want 3", n)
	}
}

func attempts(t *testing.T, q queue) {
	var runs atomic.Int32
	q.work(t, jobs.Handlers{jobs.Dark: func(_ context.Context, r jobs.Run) error {
		if runs.Add(1); r.Last != (r.Attempt == 3) {
			t.Errorf("attempt %d of 3 is the last: %v", r.Attempt, r.Last)
		}
		return errors.New("never")
	}})
	q.insert(t, jobs.Job{Kind: jobs.Dark, ObjectID: 1})
	if e := q.quarantined(t, 1)[0]; e.Reason != "never" || runs.Load() != 3 {
		t.Errorf("%+v after %d runs, want 3", e, runs.Load())
	}
}

func permanent(t *testing.T, q queue) {
	var mended atomic.Bool
	q.work(t, jobs.Handlers{jobs.Segment: func(context.Context, jobs.Run) error {
		if mended.Load() {
			return nil
		}
		return jobs.Permanent(errors.New("unsupported pixels"))
	}})
	q.insert(t, jobs.Job{Kind: jobs.Segment, ObjectID: 1})
	e := q.quarantined(t, 1)[0]
	if e.Attempts != 1 || e.Reason != "unsupported pixels" || !e.NextAt.IsZero() {
		t.Errorf("entry %+v", e)
	}
	if s, err := q.Stats(t.Context()); err != nil || !s.Oldest.IsZero() {
		t.Errorf("stats %+v, %v", s, err)
	}
	mended.Store(true)
	for _, tt := range []struct {
		ids  []int64
		want int
	}{{[]int64{e.ID + 1000}, 0}, {nil, 1}} {
		q.tx(t, func(tx jobs.Tx) error {
			n, err := q.Retry(t.Context(), tx, tt.ids...)
			if n != tt.want {
				t.Errorf("retried %d of %v, want %d", n, tt.ids, tt.want)
			}
			return err
		})
	}
	q.empty(t)
}

// A job that waits for something has not failed: it shows the reason, is never quarantined, and
// starts again when it is woken.
func awaits(t *testing.T, q queue) {
	var there atomic.Bool
	q.work(t, jobs.Handlers{jobs.Segment: func(context.Context, jobs.Run) error {
		if there.Load() {
			return nil
		}
		return &jobs.LaterError{Err: errors.New("decoder missing"), Pause: time.Minute}
	}})
	q.insert(t, jobs.Job{Kind: jobs.Segment, ObjectID: 1})
	var e jobs.Entry
	for i := range 5 { // more often than a failed job is tried
		await(t, "the job to wait", func() bool {
			all := q.list(t)
			e = all[0]
			return e.State == jobs.Waiting && e.Reason == "decoder missing" && time.Until(e.NextAt) > 30*time.Second
		})
		if e.Attempts != 0 {
			t.Errorf("wait %d counts as attempt %d", i+1, e.Attempts)
		}
		there.Store(i == 4)
		q.tx(t, func(tx jobs.Tx) error {
			_, err := q.Retry(t.Context(), tx, e.ID)
			return err
		})
	}
	q.empty(t)
}

// Wake makes a waiting job due now and keeps its failure count; a quarantined job stays
// quarantined.
func wake(t *testing.T, q queue) {
	var runs atomic.Int32
	q.work(t, jobs.Handlers{
		jobs.Segment: func(_ context.Context, r jobs.Run) error {
			switch runs.Add(1) {
			case 1:
				return errors.New("fails")
			case 2:
				return &jobs.LaterError{Err: errors.New("waits"), Pause: time.Minute}
			}
			if r.Attempt != 2 {
				t.Errorf("attempt %d, want 2", r.Attempt)
			}
			return nil
		},
		jobs.Dark: func(context.Context, jobs.Run) error { return jobs.Permanent(errors.New("no detector")) },
	})
	q.insert(t, jobs.Job{Kind: jobs.Segment, ObjectID: 1}, jobs.Job{Kind: jobs.Dark, ObjectID: 2})
	await(t, "the job to wait", func() bool {
		all := q.list(t)
		return len(all) == 2 && all[0].Reason == "waits" && all[0].State == jobs.Waiting
	})
	dark, waiting := q.quarantined(t, 1)[0].ID, q.list(t)[0].ID
	q.tx(t, func(tx jobs.Tx) error { return q.Wake(t.Context(), tx, waiting, dark) })
	await(t, "the job to end", func() bool { return len(q.list(t)) == 1 })
	q.quarantined(t, 1)
}

// The value of a panic may contain patient data: it is neither stored nor shown.
func panics(t *testing.T, q queue) {
	var runs atomic.Int32
	q.work(t, jobs.Handlers{
		jobs.Segment: func(context.Context, jobs.Run) error { panic("DOE^JOHN") },
		jobs.Deliver: func(context.Context, jobs.Run) error {
			if runs.Add(1) == 1 {
				panic("DOE^JOHN")
			}
			return nil
		},
	})
	q.insert(t, jobs.Job{Kind: jobs.Segment, ObjectID: 1}, jobs.Job{Kind: jobs.Deliver, ObjectID: 2, Destination: "pacs"})
	await(t, "the delivery", func() bool { return runs.Load() == 2 && len(q.list(t)) == 1 })
	e := q.quarantined(t, 1)[0]
	if strings.Contains(e.Reason, "DOE") || !strings.Contains(e.Reason, "panic in segment handler") {
		t.Errorf("reason %q", e.Reason)
	}
}

func drop(t *testing.T, q queue) {
	q.work(t, jobs.Handlers{jobs.Dark: func(context.Context, jobs.Run) error { return jobs.Permanent(errors.New("no detector")) }})
	q.insert(t, jobs.Job{Kind: jobs.Dark, ObjectID: 1}, jobs.Job{Kind: jobs.Dark, ObjectID: 2}, jobs.Job{Kind: jobs.Segment, ObjectID: 3})
	all := q.quarantined(t, 2)
	for _, tt := range []struct {
		ids  []int64
		want []int64
	}{{[]int64{all[1].ID}, []int64{2}}, {nil, []int64{1}}, {[]int64{all[2].ID}, []int64{3}}} {
		q.tx(t, func(tx jobs.Tx) error {
			dropped, err := q.Drop(t.Context(), tx, tt.ids...)
			var objects []int64
			for _, e := range dropped {
				objects = append(objects, e.ObjectID)
			}
			if diff := cmp.Diff(tt.want, objects); diff != "" {
				t.Errorf("drop %v: %s", tt.ids, diff)
			}
			return err
		})
	}
	if all := q.list(t); len(all) != 0 {
		t.Errorf("left %+v", all)
	}
}

// Stopping Work while a job runs does not count as a failure of the job.
func stop(t *testing.T, q queue) {
	began := make(chan struct{}, 2)
	stop := q.work(t, jobs.Handlers{jobs.Dark: func(ctx context.Context, _ jobs.Run) error {
		began <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}})
	q.insert(t, jobs.Job{Kind: jobs.Dark, ObjectID: 1})
	<-began
	stop()
	if all := q.list(t); len(all) != 1 || all[0].State != jobs.Waiting || all[0].Attempts != 0 {
		t.Errorf("queue after stop %+v, want one waiting job without attempts", all)
	}
	q.work(t, jobs.Handlers{jobs.Dark: func(context.Context, jobs.Run) error { return nil }})
	q.empty(t)
}

// A destination that blocks all of its deliveries does not delay others.
func destinations(t *testing.T, q queue) {
	release := make(chan struct{})
	var alive, dead atomic.Int32
	q.work(t, jobs.Handlers{jobs.Deliver: func(_ context.Context, r jobs.Run) error {
		if r.Destination == "dead" {
			<-release
			dead.Add(1)
			return nil
		}
		alive.Add(1)
		return nil
	}})
	for id := range int64(6) {
		q.insert(t, jobs.Job{Kind: jobs.Deliver, ObjectID: id + 1, Destination: "dead"}, jobs.Job{Kind: jobs.Deliver, ObjectID: id + 1, Destination: "alive"})
	}
	await(t, "deliveries to the living", func() bool { return alive.Load() == 6 })
	if n := dead.Load(); n != 0 {
		t.Errorf("%d deliveries to the dead", n)
	}
	close(release)
	await(t, "the others", func() bool { return dead.Load() == 6 })
	q.empty(t)
}

// New objects come before repeated work that a person requested.
func priority(t *testing.T, q queue) {
	for id := range int64(5) {
		q.insert(t, jobs.Job{Kind: jobs.Segment, ObjectID: 100 + id, Priority: jobs.Again})
	}
	q.insert(t, jobs.Job{Kind: jobs.Segment, ObjectID: 1})
	first := make(chan int64, 10)
	q.work(t, jobs.Handlers{jobs.Segment: func(_ context.Context, r jobs.Run) error { first <- r.ObjectID; return nil }})
	if id := <-first; id != 1 {
		t.Errorf("object %d went first, want 1", id)
	}
	q.empty(t)
}

func noHandler(t *testing.T, q queue) {
	if err := q.Work(t.Context(), nil); err == nil {
		t.Error("worked without handlers")
	}
	done := make(chan struct{})
	q.insert(t, jobs.Job{Kind: jobs.Segment, ObjectID: 1}, jobs.Job{Kind: jobs.Dark, ObjectID: 2})
	q.work(t, jobs.Handlers{jobs.Dark: func(context.Context, jobs.Run) error { close(done); return nil }})
	<-done
	await(t, "one job", func() bool { return len(q.list(t)) == 1 })
	if e := q.list(t)[0]; e.Kind != jobs.Segment || e.State != jobs.Waiting {
		t.Errorf("left %+v", e)
	}
}
