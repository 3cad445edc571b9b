package jobs

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Memory is a Queue in memory. Use it with an index in memory: their transactions have no SQL.
type Memory struct {
	opt Options

	mu      sync.Mutex
	lastID  int64
	all     []*memoryJob // by id, without jobs that are done
	changed chan struct{}
}

var _ Queue = (*Memory)(nil)

type memoryJob struct {
	Entry
	made time.Time
	done bool
}

// NewMemory returns an empty queue.
func NewMemory(opt Options) *Memory {
	return &Memory{opt: opt.WithDefaults(), changed: make(chan struct{}, 1)}
}

// change runs f with the lock held and wakes Work.
func (q *Memory) change(f func()) {
	q.mu.Lock()
	f()
	q.all = slices.DeleteFunc(q.all, func(j *memoryJob) bool { return j.done })
	q.mu.Unlock()
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// Insert adds jobs when the transaction commits.
func (q *Memory) Insert(_ context.Context, tx Tx, jobs ...Job) error {
	tx.OnCommit(func() {
		q.change(func() {
			for _, j := range jobs {
				q.lastID++
				j.Priority = max(j.Priority, New)
				q.all = append(q.all, &memoryJob{Entry: Entry{ID: q.lastID, Job: j, State: Waiting, NextAt: time.Now()}, made: time.Now()})
			}
		})
	})
	return nil
}

// pick lists the jobs that match.
func (q *Memory) pick(match func(*memoryJob) bool) (list []Entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range q.all {
		if match(j) {
			list = append(list, j.Entry)
		}
	}
	return list
}

// List implements Queue.
func (q *Memory) List(context.Context) ([]Entry, error) {
	return q.pick(func(*memoryJob) bool { return true }), nil
}

// Of implements Queue.
func (q *Memory) Of(_ context.Context, _ Tx, objects ...int64) ([]Entry, error) {
	return q.pick(func(j *memoryJob) bool { return slices.Contains(objects, j.ObjectID) }), nil
}

// Undone implements Queue.
func (q *Memory) Undone(context.Context, Tx) (ids []int64, err error) {
	for _, e := range q.pick(func(*memoryJob) bool { return true }) {
		ids = append(ids, e.ObjectID)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// Stats implements Queue.
func (q *Memory) Stats(context.Context) (s Stats, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range q.all {
		*s.of(j.State)++
		if j.State != Quarantined && s.Oldest.IsZero() {
			s.Oldest = j.made
		}
	}
	return s, nil
}

// selected returns the jobs that Retry and Drop change.
func (q *Memory) selected(ids []int64) []Entry {
	return q.pick(func(j *memoryJob) bool {
		if len(ids) == 0 {
			return j.State == Quarantined
		}
		return j.State != Running && slices.Contains(ids, j.ID)
	})
}

// each calls f for jobs when the transaction commits.
func (q *Memory) each(tx Tx, entries []Entry, f func(*memoryJob)) {
	tx.OnCommit(func() {
		q.change(func() {
			for _, j := range q.all {
				if slices.ContainsFunc(entries, func(e Entry) bool { return e.ID == j.ID }) {
					f(j)
				}
			}
		})
	})
}

// Retry implements Queue.
func (q *Memory) Retry(_ context.Context, tx Tx, ids ...int64) (int, error) {
	entries := q.selected(ids)
	q.each(tx, entries, func(j *memoryJob) { j.State, j.Attempts, j.NextAt = Waiting, 0, time.Now() })
	return len(entries), nil
}

// Wake implements Queue.
func (q *Memory) Wake(_ context.Context, tx Tx, ids ...int64) error {
	entries := q.pick(func(j *memoryJob) bool {
		return j.State != Running && j.State != Quarantined && slices.Contains(ids, j.ID)
	})
	q.each(tx, entries, func(j *memoryJob) { j.NextAt = time.Now() })
	return nil
}

// Drop implements Queue.
func (q *Memory) Drop(_ context.Context, tx Tx, ids ...int64) ([]Entry, error) {
	entries := q.selected(ids)
	q.each(tx, entries, func(j *memoryJob) { j.done = true })
	return entries, nil
}

// Rescue does nothing: the jobs end with the process that runs them.
func (q *Memory) Rescue(context.Context, Tx, ...int64) error { return nil }

// Work implements Queue.
func (q *Memory) Work(ctx context.Context, h Handlers) error {
	if len(h) == 0 {
		return errors.New("work without handlers")
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var wg sync.WaitGroup
	for ctx.Err() == nil {
		next := q.begin(h, func(j *memoryJob) {
			wg.Go(func() { q.run(running, h[j.Kind], j) })
		})
		select {
		case <-q.changed:
		case <-time.After(next):
		case <-ctx.Done():
		}
	}
	stopped := make(chan struct{})
	go func() { wg.Wait(); close(stopped) }()
	select {
	case <-stopped:
	case <-time.After(q.opt.StopTimeout):
		cancel()
		<-stopped
	}
	return nil
}

// begin starts the jobs that are due and have a free worker. It returns the time until the next
// one is due.
func (q *Memory) begin(h Handlers, start func(*memoryJob)) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	busy, next := map[string]int{}, time.Minute
	for _, j := range q.all {
		if j.State == Running {
			busy[j.queue()]++
		}
	}
	order := slices.SortedStableFunc(slices.Values(q.all), func(a, b *memoryJob) int { return cmp.Compare(a.Priority, b.Priority) })
	for _, j := range order {
		if h[j.Kind] == nil || j.State == Running || j.State == Quarantined {
			continue
		}
		if wait := time.Until(j.NextAt); wait > 0 {
			next = min(next, wait)
			continue
		}
		if busy[j.queue()] < of(j.Kind).workers(q.opt) {
			busy[j.queue()]++
			j.State, j.Attempts = Running, j.Attempts+1
			start(j)
		}
	}
	return next
}

// run runs one job.
func (q *Memory) run(ctx context.Context, handler func(context.Context, Run) error, j *memoryJob) {
	c := of(j.Kind)
	ctx, cancel := context.WithTimeout(ctx, c.timeout(q.opt))
	defer cancel()
	q.mu.Lock()
	r := Run{Job: j.Job, ID: j.ID, Attempt: j.Attempts, Last: j.Attempts >= q.opt.MaxAttempts}
	q.mu.Unlock()
	r.complete = func(_ context.Context, tx Tx) error {
		tx.OnCommit(func() { q.change(func() { j.done = true }) })
		return nil
	}
	err := guard(q.opt, c, r, func() error { return handler(ctx, r) })
	var later *LaterError
	if stopped := errors.Is(ctx.Err(), context.Canceled); err != nil && !stopped && !errors.As(err, &later) {
		q.opt.report(r, err)
	}
	q.change(func() {
		switch {
		case err == nil:
			j.done = true
		case errors.As(err, &later):
			j.State, j.Attempts, j.Reason, j.NextAt = Waiting, j.Attempts-1, err.Error(), time.Now().Add(later.Pause)
		case errors.Is(ctx.Err(), context.Canceled):
			j.State, j.Attempts, j.NextAt = Waiting, j.Attempts-1, time.Now()
		case IsPermanent(err) || r.Last:
			j.State, j.Reason, j.NextAt = Quarantined, err.Error(), time.Time{}
		default:
			j.State, j.Reason, j.NextAt = Retrying, err.Error(), time.Now().Add(q.opt.Pause(j.Attempts))
		}
	})
}
