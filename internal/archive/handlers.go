package archive

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
)

// Work runs the jobs with h until ctx ends. Then it waits for running jobs up to
// Options.StopTimeout, and cancels the rest, which will be repeated. Only one call can work at
// a time. It returns ErrGone if the data directory is removed or replaced, because objects
// received after that would be lost, and ErrUntrustedFiles if no more files can be kept.
func (a *Archive) Work(ctx context.Context, h Handlers) error {
	if a.lock == nil {
		return errors.New("work on a shared archive")
	}
	if !a.working.TryLock() {
		return errors.New("work is being done already")
	}
	defer a.working.Unlock()
	ctx, end := context.WithCancelCause(ctx)
	var beside sync.WaitGroup
	beside.Go(func() { a.watch(ctx, end) })
	beside.Go(func() { a.unread().SumWhenIdle(ctx, min(a.opt.IdleAfter, watchInterval)) })
	err := a.jobs.Work(ctx, a.handlers(h))
	end(nil)
	beside.Wait()
	if cause := context.Cause(ctx); errors.Is(cause, ErrGone) || errors.Is(cause, ErrUntrustedFiles) {
		return cause
	}
	if errors.Is(err, context.Canceled) {
		return nil // ctx ended during the start
	}
	return err
}

// watchInterval is how often the data directory is checked.
const watchInterval = 2 * time.Second

// watch checks that the data directory exists and takes files, and writes the collected records
// about peers at intervals.
func (a *Archive) watch(ctx context.Context, end context.CancelCauseFunc) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := cmp.Or(a.lock.Check(), a.store.Err()); err != nil {
			a.opt.Log.Error("the archive stopped", "error", err)
			end(err)
			return
		}
		if err := a.sightings.Flush(ctx, a.index); err != nil && ctx.Err() == nil {
			a.opt.Log.Warn("cannot record the peers that called", "error", err)
		}
	}
}

// handlers adds to h the reading of objects and the ends of their jobs.
func (a *Archive) handlers(h Handlers) jobs.Handlers {
	all := jobs.Handlers{}
	if h.Segment != nil {
		all[jobs.Segment] = func(ctx context.Context, r jobs.Run) error { defer a.activity.Begin()(); return a.segment(ctx, h, r) }
	}
	if h.Dark != nil {
		all[jobs.Dark] = func(ctx context.Context, r jobs.Run) error { defer a.activity.Begin()(); return a.dark(ctx, h, r) }
	}
	if h.Deliver != nil {
		all[jobs.Deliver] = func(ctx context.Context, r jobs.Run) error { return a.deliver(ctx, h, r) }
	}
	return all
}

// subject is the object of a job. It can only be missing if somebody removed it by hand.
func (a *Archive) subject(ctx context.Context, r jobs.Run) (Object, error) {
	o, err := a.Object(ctx, r.ObjectID)
	o.learned = new(atomic.Pointer[string])
	if errors.Is(err, ErrNotFound) {
		err = Permanent(err)
	}
	return o, err
}

// finish ends a job in a transaction together with f. It does not use the handler's context,
// because the result must be recorded even while the node stops.
func (a *Archive) finish(ctx context.Context, r jobs.Run, f func(index.Tx) error) error {
	return a.finishIn(ctx, a.index.Update, r, f)
}

// finishUnsynced is finish for results that would be the same if the job ran again.
func (a *Archive) finishUnsynced(ctx context.Context, r jobs.Run, f func(index.Tx) error) error {
	return a.finishIn(ctx, a.index.UpdateUnsynced, r, f)
}

func (a *Archive) finishIn(ctx context.Context, update func(context.Context, func(index.Tx) error) error, r jobs.Run, f func(index.Tx) error) error {
	ctx = context.WithoutCancel(ctx)
	return spaceError(update(ctx, func(tx index.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return r.Complete(ctx, tx)
	}))
}

// dark runs the handler for a dark frame.
func (a *Archive) dark(ctx context.Context, h Handlers, r jobs.Run) error {
	o, err := a.subject(ctx, r)
	if err != nil {
		return err
	}
	if err := h.Dark(ctx, o); err != nil {
		return unreadable(err)
	}
	return a.finish(ctx, r, func(tx index.Tx) error { return settleOutcome(tx, o.ID, Learnt, o.keepSum) })
}

// unreadable ends the attempts for a damaged object: only its sender can replace it, and then
// the job is due again.
func unreadable(err error) error {
	if errors.Is(err, ErrDamaged) {
		return Permanent(err)
	}
	return err
}

// settleOutcome records the outcome of an object.
func settleOutcome(tx index.Tx, id int64, outcome string, more func(*index.Object)) error {
	o, err := tx.Object(id)
	if errors.Is(err, ErrNotFound) {
		return nil // erased in the meantime
	}
	if err != nil {
		return err
	}
	o.Outcome, o.OutcomeAt = outcome, time.Now()
	if more != nil {
		more(&o)
	}
	return tx.Set(o)
}

type jobKey struct{}

// JobOf is the number of the job of a Deliver handler.
func JobOf(ctx context.Context) int64 {
	r, _ := ctx.Value(jobKey{}).(jobs.Run)
	return r.ID
}

// IsFinal reports whether the object that a Deliver handler is called for is not sent again
// after err: its job goes to quarantine, or another form goes instead.
func IsFinal(ctx context.Context, err error) bool {
	var later *jobs.LaterError
	if ctx.Err() != nil || errors.As(err, &later) {
		return false // not counted as an attempt
	}
	r, _ := ctx.Value(jobKey{}).(jobs.Run)
	return r.Last || jobs.IsPermanent(err) || IsInstead(err)
}

type modelKey struct{}

// WithModel returns a context in which Reprocess adds jobs for a model. Segment handlers of
// these jobs are called with such a context too. The caller chooses the name of the model.
func WithModel(ctx context.Context, model string) context.Context {
	return context.WithValue(ctx, modelKey{}, model)
}

// ModelOf returns the model of a context made by WithModel, "" for the model in use.
func ModelOf(ctx context.Context) string {
	model, _ := ctx.Value(modelKey{}).(string)
	return model
}
