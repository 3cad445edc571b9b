package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/riverqueue/river"
)

const (
	// fetchCooldown limits the delay between a commit and the start of its job, pollInterval
	// the delay until a job that another process changed is found.
	fetchCooldown = 5 * time.Millisecond
	pollInterval  = time.Second
	// lookInterval is the interval of the search for queues that another process added and for
	// jobs that a wrong clock has postponed.
	lookInterval = 5 * time.Second
	// completedRetention is how long rows of completed jobs are kept. Nothing reads them; River
	// removes such rows every half minute.
	completedRetention = time.Hour
	// stopExtra is how long Work waits for a handler that ignores its context.
	stopExtra = 10 * time.Second
)

// Work implements Queue.
func (q *River) Work(ctx context.Context, h Handlers) error {
	begin := context.WithoutCancel(ctx) // an end of ctx in a transaction would be an error, sql.ErrTxDone
	if err := q.rescue(begin); err != nil {
		return fmt.Errorf("rescue interrupted jobs: %w", err)
	}
	if err := q.unstall(begin); err != nil {
		return fmt.Errorf("look for jobs put off: %w", err)
	}
	s, err := q.newServer(begin, h)
	if err != nil {
		return err
	}
	if err := s.client.Start(begin); err != nil {
		return fmt.Errorf("start workers: %w", err)
	}
	s.serveNewQueues(ctx)
	stop, cancel := context.WithTimeout(context.Background(), q.opt.StopTimeout+stopExtra)
	defer cancel()
	if err := s.client.Stop(stop); err != nil {
		return fmt.Errorf("stop workers: %w", err)
	}
	return nil
}

// server runs the jobs of queues with a River client.
type server struct {
	q      *River
	h      Handlers
	client *river.Client[*sql.Tx]
	served map[string]bool // queues
}

// newServer returns a server for the kinds that have handlers in h.
func (q *River) newServer(ctx context.Context, h Handlers) (*server, error) {
	s := &server{q: q, h: h, served: map[string]bool{}}
	workers, queues, longest := river.NewWorkers(), map[string]river.QueueConfig{}, time.Duration(0)
	for _, c := range kinds {
		handler := h[c.kind]
		if handler == nil {
			continue
		}
		longest = max(longest, c.timeout(q.opt))
		river.AddWorkerArgs(workers, args{kind: c.kind}, &worker{q: q, kindProperties: c, work: handler})
		if !c.perDestination {
			queues[string(c.kind)] = river.QueueConfig{MaxWorkers: c.workers(q.opt)}
		}
	}
	if len(h) == 0 {
		return nil, errors.New("work without handlers")
	}
	found, err := s.newQueues(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		queues[f.queue] = river.QueueConfig{MaxWorkers: of(f.kind).workers(q.opt)}
	}
	if len(queues) == 0 {
		queues["none"] = river.QueueConfig{MaxWorkers: 1} // River's client needs at least one queue
	}
	for name := range queues {
		s.served[name] = true
	}
	d := newDriver(q.write, q.newJobs)
	d.unsynced = q.opt.Unsynced
	s.client, err = river.NewClient(d, &river.Config{
		Logger: warnings(q.opt.Log), Queues: queues, Workers: workers,
		FetchCooldown: fetchCooldown, FetchPollInterval: pollInterval,
		JobTimeout: -1, RescueStuckJobsAfter: longest + time.Hour,
		SoftStopTimeout: q.opt.StopTimeout, MaxAttempts: q.opt.MaxAttempts,
		CompletedJobRetentionPeriod: completedRetention,
		CancelledJobRetentionPeriod: -1, DiscardedJobRetentionPeriod: -1, // quarantined jobs stay until Drop
	})
	return s, err
}

type foundQueue struct {
	queue string
	kind  Kind
}

// newQueues finds queues of kinds with a handler that have jobs and no workers yet.
func (s *server) newQueues(ctx context.Context) (found []foundQueue, err error) {
	rows, err := s.q.read.QueryContext(ctx, "SELECT DISTINCT queue, kind FROM river_job WHERE state IN "+undone)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var f foundQueue
		if err := rows.Scan(&f.queue, &f.kind); err != nil {
			return nil, err
		}
		if !s.served[f.queue] && s.h[f.kind] != nil {
			found = append(found, f)
		}
	}
	return found, rows.Err()
}

// serveNewQueues adds, until ctx ends, queues for destinations that get their first job while
// the workers run. The job that inserts the delivery cannot do this: River adds no queue while
// it stops, and does not stop a queue while one of its jobs waits to add one.
func (s *server) serveNewQueues(ctx context.Context) {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.q.unserved.waiting:
			if s.knows(s.q.unserved.takeAll()) {
				continue
			}
		case <-tick.C:
			if err := s.q.unstall(ctx); err != nil && ctx.Err() == nil {
				s.q.opt.Log.Error("cannot look for postponed jobs", "error", err)
			}
		case <-ctx.Done():
			return
		}
		if err := s.serveNew(ctx); err != nil && ctx.Err() == nil {
			s.q.opt.Log.Error("cannot serve new destinations", "error", err)
		}
	}
}

// knows reports whether all of the queues have workers.
func (s *server) knows(queues []string) bool {
	for _, name := range queues {
		if !s.served[name] {
			return false
		}
	}
	return true
}

func (s *server) serveNew(ctx context.Context) error {
	found, err := s.newQueues(ctx)
	for _, f := range found {
		err = errors.Join(err, s.client.Queues().Add(f.queue, river.QueueConfig{MaxWorkers: of(f.kind).workers(s.q.opt)}))
		s.served[f.queue] = true
	}
	return err
}

// worker runs River jobs of one kind.
type worker struct {
	river.WorkerDefaults[args]
	kindProperties
	q    *River
	work func(context.Context, Run) error
}

func (w *worker) Timeout(*river.Job[args]) time.Duration { return w.timeout(w.q.opt) }

func (w *worker) NextRetry(j *river.Job[args]) time.Time {
	return time.Now().Add(w.q.opt.Pause(j.Attempt))
}

// Work runs the handler and turns a panic into an error. A job that was interrupted by the end
// of Work starts again at the next start.
func (w *worker) Work(ctx context.Context, j *river.Job[args]) (err error) {
	run := Run{Job: jobOf(j.JobRow, j.Args), ID: j.ID, Attempt: j.Attempt, Last: j.Attempt >= j.MaxAttempts, complete: func(ctx context.Context, tx Tx) error {
		_, err := river.JobCompleteTx[*driver](ctx, tx.SQL(), j)
		return err
	}}
	defer w.q.syncLong(ctx, j.ID)()
	err = guard(w.q.opt, w.kindProperties, run, func() error { return w.work(ctx, run) })
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return river.JobSnooze(0)
	}
	var later *LaterError
	if errors.As(err, &later) {
		if err := river.RecordOutput(ctx, err.Error()); err != nil { // the reason, see scanEntry
			return err
		}
		return river.JobSnooze(min(later.Pause, maxLater))
	}
	if err != nil {
		w.q.opt.report(run, err)
	}
	if IsPermanent(err) {
		return river.JobCancel(err)
	}
	return err
}

// long is how long a job runs before its start is synced to disk.
const long = 50 * time.Millisecond

// syncLong syncs the start of a job to disk if it runs for long, so that a job that crashes the
// machine is counted. The returned function stops the timer.
func (q *River) syncLong(ctx context.Context, id int64) (end func()) {
	if q.opt.Unsynced == nil {
		return func() {} // its start was synced
	}
	timer := time.AfterFunc(long, func() {
		_, err := q.write.ExecContext(ctx, "UPDATE river_job SET attempt = attempt WHERE id = ?", id)
		if err != nil && ctx.Err() == nil {
			q.opt.Log.Warn("the start of a job is not synced to disk", "job", id, "error", err)
		}
	})
	return func() { timer.Stop() }
}

// guard turns a panic into an error. It logs the type of the value and the stack, not the
// value, which may contain patient data.
func guard(opt Options, c kindProperties, r Run, f func() error) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		opt.Log.Error("handler panicked", "job", r.ID, "kind", r.Kind, "object", r.ObjectID, "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
		err = fmt.Errorf("panic in %s handler, see the log", r.Kind)
		if c.panicIsFinal {
			err = Permanent(err)
		}
	}()
	return f()
}
