package archive

import (
	"context"
	"errors"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
	"dicomnode/internal/archive/older"
)

// Work does the jobs with h until ctx ends, then waits for those that run, up
// to Options.StopTimeout, and cancels the rest, which will be repeated. Only one
// call works at a time. It ends with ErrGone when the data directory is removed
// or replaced: nothing that is received then would be kept.
func (a *Archive) Work(ctx context.Context, h Handlers) error {
	if a.lock == nil {
		return errors.New("work on a shared archive")
	}
	if !a.working.TryLock() {
		return errors.New("work is being done already")
	}
	defer a.working.Unlock()
	ctx, end := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() { defer close(watched); a.watch(ctx, end) }()
	err := a.jobs.Work(ctx, a.handlers(h))
	end(nil)
	<-watched
	if gone := context.Cause(ctx); errors.Is(gone, ErrGone) {
		return gone
	}
	if errors.Is(err, context.Canceled) {
		return nil // the end came before the beginning was over
	}
	return err
}

// watchInterval is how often the data directory is looked for.
const watchInterval = 2 * time.Second

// watch keeps an eye on the data directory, and writes what was noted about peers
// now and then.
func (a *Archive) watch(ctx context.Context, end context.CancelCauseFunc) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	older.Sum(ctx, a.index, a.verify)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := a.lock.Check(); err != nil {
			a.opt.Log.Error("the archive stopped", "error", err)
			end(err)
			return
		}
		if err := a.noted.Flush(ctx, a.index); err != nil && ctx.Err() == nil {
			a.opt.Log.Warn("cannot record the peers that called", "error", err)
		}
	}
}

// handlers binds h to objects and the ends of their jobs.
func (a *Archive) handlers(h Handlers) jobs.Handlers {
	all := jobs.Handlers{}
	if h.Segment != nil {
		all[jobs.Segment] = func(ctx context.Context, r jobs.Run) error { return a.segment(ctx, h, r) }
	}
	if h.Dark != nil {
		all[jobs.Dark] = func(ctx context.Context, r jobs.Run) error { return a.dark(ctx, h, r) }
	}
	if h.Deliver != nil {
		all[jobs.Deliver] = func(ctx context.Context, r jobs.Run) error { return a.deliver(ctx, h, r) }
	}
	return all
}

// subject is the object a job is about. It can only be gone by hand.
func (a *Archive) subject(ctx context.Context, r jobs.Run) (Object, error) {
	o, err := a.Object(ctx, r.ObjectID)
	if errors.Is(err, ErrNotFound) {
		err = Permanent(err)
	}
	return o, err
}

// finish ends a job in a transaction with what f does. Its context is not the
// handler's: what was done must be noted even while the node stops.
func (a *Archive) finish(ctx context.Context, r jobs.Run, f func(index.Tx) error) error {
	return a.finishIn(ctx, a.index.Update, r, f)
}

// finishUnsynced is finish for what another run of the job would find again.
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
	return a.finish(ctx, r, func(tx index.Tx) error { return settleOutcome(tx, o.ID, Learnt, nil) })
}

// unreadable ends the tries at an object that is damaged: only its sender can
// mend it, and that makes the job due again.
func unreadable(err error) error {
	if errors.Is(err, ErrDamaged) {
		return Permanent(err)
	}
	return err
}

// settleOutcome notes what became of an object.
func settleOutcome(tx index.Tx, id int64, outcome string, more func(*index.Object)) error {
	o, err := tx.Object(id)
	if errors.Is(err, ErrNotFound) {
		return nil // erased meanwhile
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

// deliver runs the handler for a delivery. Each try is noted.
func (a *Archive) deliver(ctx context.Context, h Handlers, r jobs.Run) error {
	o, err := a.subject(ctx, r)
	if err != nil {
		return err
	}
	if !o.SupersededAt.IsZero() {
		return a.finish(ctx, r, func(tx index.Tx) error {
			return setDelivery(tx, o.ID, r.Destination, func(d *index.Delivery) { d.State = index.Withdrawn })
		})
	}
	d, err := a.delivery(ctx, o.ID, r.Destination)
	if err != nil {
		return err
	}
	if d.stored() {
		return a.commitment(ctx, h, r, o, d.Delivery)
	}
	answer, err := h.Deliver(context.WithValue(ctx, jobKey{}, r.ID), o, r.Destination)
	note := func(state index.DeliveryState) func(index.Tx) error {
		return func(tx index.Tx) error {
			err := setDelivery(tx, o.ID, r.Destination, func(d *index.Delivery) {
				d.State, d.Status, d.Words, d.Attempts = state, answer.Status, answer.Words, d.Attempts+1
				d.TransactionUID, d.RequestedAt = "", time.Time{} // what was asked before was about what was sent before
			})
			if errors.Is(err, ErrNotFound) {
				return nil // erased meanwhile
			}
			return err
		}
	}
	if err == nil && answer.Commit {
		return a.sent(ctx, note(index.Sent))
	}
	if err == nil {
		return a.finish(ctx, r, note(index.Delivered))
	}
	var later *jobs.LaterError
	if errors.As(err, &later) {
		return err // it was not tried
	}
	if answer.Words == "" {
		answer = Answer{Status: -1, Words: err.Error()}
	}
	if IsInstead(err) {
		return a.instead(ctx, r, o, answer)
	}
	state := index.Failing
	if jobs.IsPermanent(err) {
		state = index.Refused
	}
	if ctx.Err() != nil {
		return err // the node stops: it was no try
	}
	if nerr := a.index.Update(ctx, note(state)); nerr != nil {
		err = errors.Join(err, nerr)
	}
	if errors.Is(err, ErrDamaged) {
		return errors.Join(err, a.remake(ctx, o))
	}
	return err
}

type jobKey struct{}

// JobOf is the number of the job that a Deliver handler is called for.
func JobOf(ctx context.Context) int64 {
	id, _ := ctx.Value(jobKey{}).(int64)
	return id
}
