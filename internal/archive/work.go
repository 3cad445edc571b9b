package archive

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
	// fetchCooldown bounds how soon after a commit its job begins, pollInterval
	// how late a job that another process changed is noticed.
	fetchCooldown = 5 * time.Millisecond
	pollInterval  = time.Second
	// completedRetention is how long the row of a job that is done stays. Nothing
	// reads it; River removes such rows every half minute.
	completedRetention = time.Hour
	// stopExtra is how long a handler that ignores its context is waited for.
	stopExtra = 10 * time.Second
)

// Work does the jobs with h until ctx ends, then waits for those that run, up
// to Options.StopTimeout, and cancels the rest, which will be repeated. Only one
// call works at a time.
func (a *Archive) Work(ctx context.Context, h Handlers) error {
	if a.lock == nil {
		return errors.New("work on a shared archive")
	}
	if !a.working.TryLock() {
		return errors.New("work is being done already")
	}
	defer a.working.Unlock()
	if err := a.rescue(ctx); err != nil {
		return fmt.Errorf("rescue interrupted jobs: %w", err)
	}
	client, err := a.newWorker(ctx, h)
	if err != nil {
		return err
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start workers: %w", err)
	}
	a.serveDestinations(ctx, client)
	stop, cancel := context.WithTimeout(context.Background(), a.opt.StopTimeout+stopExtra)
	defer cancel()
	if err := client.Stop(stop); err != nil {
		return fmt.Errorf("stop workers: %w", err)
	}
	return nil
}

// newWorker makes a River client that does the jobs h has handlers for.
func (a *Archive) newWorker(ctx context.Context, h Handlers) (*river.Client[*sql.Tx], error) {
	workers, queues := river.NewWorkers(), map[string]river.QueueConfig{}
	if h.Segment != nil {
		river.AddWorker(workers, &worker[segmentArgs]{a: a, timeout: a.opt.SegmentTimeout,
			work: func(ctx context.Context, j *river.Job[segmentArgs]) error { return a.segment(ctx, h, j) }})
		queues[kindSegment] = river.QueueConfig{MaxWorkers: a.opt.SegmentWorkers}
	}
	if h.Dark != nil {
		river.AddWorker(workers, &worker[darkArgs]{a: a, timeout: a.opt.SegmentTimeout,
			work: func(ctx context.Context, j *river.Job[darkArgs]) error { return a.dark(ctx, h, j) }})
		queues[kindDark] = river.QueueConfig{MaxWorkers: 1}
	}
	if h.Deliver != nil {
		river.AddWorker(workers, &worker[deliverArgs]{a: a, timeout: a.opt.DeliverTimeout,
			work: func(ctx context.Context, j *river.Job[deliverArgs]) error { return a.deliver(ctx, h, j) }})
		if err := a.addDeliverQueues(ctx, queues); err != nil {
			return nil, err
		}
	}
	if len(queues) == 0 {
		return nil, errors.New("work without handlers")
	}
	return river.NewClient(newDriver(a.write, a.bell), &river.Config{
		Logger: warnings(a.opt.Log), Queues: queues, Workers: workers,
		FetchCooldown: fetchCooldown, FetchPollInterval: pollInterval,
		JobTimeout: -1, RescueStuckJobsAfter: max(a.opt.SegmentTimeout, a.opt.DeliverTimeout) + time.Hour,
		SoftStopTimeout: a.opt.StopTimeout, MaxAttempts: a.opt.MaxAttempts,
		CompletedJobRetentionPeriod: completedRetention,
		CancelledJobRetentionPeriod: -1, DiscardedJobRetentionPeriod: -1, // quarantine ends with Drop only
	})
}

// addDeliverQueues adds a queue for each destination that has ever had a job
// which is not done; one never seen is added with its first job.
func (a *Archive) addDeliverQueues(ctx context.Context, queues map[string]river.QueueConfig) error {
	rows, err := a.read.QueryContext(ctx, "SELECT DISTINCT destination FROM delivery")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var destination string
		if err := rows.Scan(&destination); err != nil {
			return err
		}
		queues[deliverQueue(destination)] = river.QueueConfig{MaxWorkers: a.opt.DeliverWorkers}
	}
	if len(queues) == 0 {
		queues[kindDeliver] = river.QueueConfig{MaxWorkers: 1} // River's client works with one at least
	}
	return rows.Err()
}

// serveDestinations adds queues for destinations that get their first job while
// the workers run, until ctx ends. It is not done by the job that has the
// outputs: River adds no queue while it stops, and stops no queue while a job
// of it waits to add one.
func (a *Archive) serveDestinations(ctx context.Context, client *river.Client[*sql.Tx]) {
	for {
		if q := a.fresh.take(); q != "" {
			err := client.Queues().Add(q, river.QueueConfig{MaxWorkers: a.opt.DeliverWorkers})
			if err != nil && !errors.Is(err, &river.QueueAlreadyAddedError{}) {
				a.opt.Log.Error("serve destination", "queue", q, "error", err)
			}
			continue
		}
		select {
		case <-a.fresh.rung:
		case <-ctx.Done():
			return
		}
	}
}

// worker does River jobs of one kind.
type worker[T river.JobArgs] struct {
	river.WorkerDefaults[T]
	a       *Archive
	timeout time.Duration
	work    func(context.Context, *river.Job[T]) error
}

func (w *worker[T]) Timeout(*river.Job[T]) time.Duration { return w.timeout }

func (w *worker[T]) NextRetry(j *river.Job[T]) time.Time {
	return time.Now().Add(w.a.opt.pause(j.Attempt))
}

// Work runs the handler, turns a panic into an error, and makes a job that was
// interrupted by the end of Work begin again at the next start.
func (w *worker[T]) Work(ctx context.Context, j *river.Job[T]) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.a.opt.Log.Error("handler panicked", "job", j.ID, "kind", j.Kind, "panic", p, "stack", string(debug.Stack()))
			err = outcome(panicked(j.Kind, p))
		}
	}()
	err = w.work(ctx, j)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return river.JobSnooze(0)
	}
	return outcome(err)
}

// panicked is the error of a handler that panicked: see Handlers.
func panicked(kind string, p any) error {
	err := fmt.Errorf("panic in %s handler: %v", kind, p)
	if kind == kindDeliver {
		return err
	}
	return Permanent(err)
}

// subject is the object a job is about. It can only be gone by hand.
func (a *Archive) subject(ctx context.Context, id int64) (Object, error) {
	o, err := a.Object(ctx, id)
	if errors.Is(err, ErrNotFound) {
		err = Permanent(err)
	}
	return o, err
}

func (a *Archive) dark(ctx context.Context, h Handlers, j *river.Job[darkArgs]) error {
	o, err := a.subject(ctx, j.Args.ObjectID)
	if err != nil {
		return err
	}
	if err := h.Dark(ctx, o); err != nil {
		return err
	}
	return complete(ctx, a, j)
}

func (a *Archive) deliver(ctx context.Context, h Handlers, j *river.Job[deliverArgs]) error {
	o, err := a.subject(ctx, j.Args.ObjectID)
	if err != nil {
		return err
	}
	if err := h.Deliver(ctx, o, j.Args.Destination); err != nil {
		return err
	}
	return complete(ctx, a, j)
}

// complete ends a job at once. River would by itself, but in batches some
// 50 ms later, and a delivery made in a time like that is repeated after a crash.
func complete[T river.JobArgs](ctx context.Context, a *Archive, j *river.Job[T]) error {
	return inTx(context.WithoutCancel(ctx), a.write, func(tx *sql.Tx) error {
		_, err := river.JobCompleteTx[*driver](ctx, tx, j)
		return err
	})
}
