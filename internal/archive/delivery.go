package archive

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
)

// deliver runs the handler for a delivery and records each attempt.
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
	answer, err := h.Deliver(context.WithValue(ctx, jobKey{}, r), o, r.Destination)
	note := func(state index.DeliveryState) func(index.Tx) error {
		return func(tx index.Tx) error {
			err := setDelivery(tx, o.ID, r.Destination, func(d *index.Delivery) {
				d.State, d.Status, d.Words, d.Attempts = state, answer.Status, answer.Words, d.Attempts+1
				d.TransactionUID, d.RequestedAt = "", time.Time{} // earlier requests were about an earlier delivery
			})
			if errors.Is(err, ErrNotFound) {
				return nil // erased in the meantime
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
		return err // it was not attempted
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
		return err // the node stops: this does not count as an attempt
	}
	if nerr := a.index.Update(ctx, note(state)); nerr != nil {
		err = errors.Join(err, nerr)
	}
	if errors.Is(err, ErrDamaged) {
		return errors.Join(err, a.remake(ctx, o))
	}
	return err
}

// Pause records who has paused the deliveries to a destination.
type Pause struct {
	Destination string    `json:"destination"`
	Since       time.Time `json:"since"`
	Who         string    `json:"who"` // user of the operating system
	Reason      string    `json:"reason,omitempty"`
}

const pausedKey = "paused:"

// PauseDestination pauses the deliveries to a destination. A running node does so within
// seconds; deliveries in progress are finished. It is recorded as a manual action.
func (a *Archive) PauseDestination(ctx context.Context, destination string) error {
	return a.index.Update(ctx, func(tx index.Tx) error {
		p := Pause{Destination: destination, Since: time.Now(), Who: User(), Reason: reasonOf(ctx)}
		b, err := json.Marshal(p)
		if err != nil {
			return err
		}
		if err := tx.SetValue(pausedKey+destination, string(b)); err != nil {
			return err
		}
		return act(ctx, tx, "pause", "destination "+destination)
	})
}

// ResumeDestination ends a pause; false if there was none. It is recorded as a manual action.
func (a *Archive) ResumeDestination(ctx context.Context, destination string) (was bool, err error) {
	err = a.index.Update(ctx, func(tx index.Tx) error {
		v, err := tx.Value(pausedKey + destination)
		if was = v != ""; err != nil || !was {
			return err
		}
		if err := tx.SetValue(pausedKey+destination, ""); err != nil {
			return err
		}
		return act(ctx, tx, "resume", "destination "+destination)
	})
	return was, err
}

// Paused reports whether the deliveries to a destination are paused.
func (a *Archive) Paused(ctx context.Context, destination string) (p Pause, paused bool, err error) {
	v, err := a.Recall(ctx, pausedKey+destination)
	if err != nil || v == "" {
		return p, false, err
	}
	return p, true, json.Unmarshal([]byte(v), &p)
}

// Held lists the held deliveries, which a person must release or drop, by object. They have no
// job, survive restarts and do not expire.
func (a *Archive) Held(ctx context.Context) ([]index.Delivery, error) {
	return view(ctx, a, func(tx index.Tx) ([]index.Delivery, error) { return tx.Held() })
}

// Release starts the held deliveries of results, given by their numbers, and returns how many
// there were. Other deliveries are not changed. It is recorded as a manual action.
func (a *Archive) Release(ctx context.Context, ids ...int64) (n int, err error) {
	return a.endHeld(ctx, "release", ids, func(tx index.Tx, d index.Delivery) error {
		d.State, d.Words = index.Pending, ""
		if err := tx.SetDelivery(d); err != nil {
			return err
		}
		return a.jobs.Insert(ctx, tx, jobs.Job{Kind: jobs.Deliver, ObjectID: d.ObjectID, Destination: d.Destination})
	})
}

// DropHeld cancels the held deliveries of results, given by their numbers, and returns how many
// there were. The results stay until they expire. It is recorded as a manual action.
func (a *Archive) DropHeld(ctx context.Context, ids ...int64) (n int, err error) {
	return a.endHeld(ctx, "drop", ids, func(tx index.Tx, d index.Delivery) error {
		d.State = index.Refused
		return tx.SetDelivery(d)
	})
}

// endHeld applies end to each held delivery of some results and records it.
func (a *Archive) endHeld(ctx context.Context, what string, ids []int64, end func(index.Tx, index.Delivery) error) (n int, err error) {
	err = a.index.Update(ctx, func(tx index.Tx) error {
		n = 0
		for _, id := range ids {
			all, err := heldOf(tx, id)
			if err != nil {
				return err
			}
			for _, d := range all {
				d.At = time.Now()
				if err := end(tx, d); err != nil {
					return err
				}
			}
			n += len(all)
		}
		if n == 0 {
			return nil
		}
		return act(ctx, tx, what, "held results, "+objectList(ids))
	})
	return n, err
}

// heldOf lists the held deliveries of one result.
func heldOf(tx index.Tx, id int64) (held []index.Delivery, err error) {
	all, err := tx.DeliveriesOf(id)
	for _, d := range all {
		if d.State == index.Held {
			held = append(held, d)
		}
	}
	return held, err
}

// holdDelivery holds a delivery until somebody releases it.
func holdDelivery(tx index.Tx, object int64, destination, why string) error {
	return setDelivery(tx, object, destination, func(d *index.Delivery) { d.State, d.Words = index.Held, why })
}

// withdrawHeld ends the held deliveries of a superseded result.
func withdrawHeld(tx index.Tx, id int64) error {
	all, err := heldOf(tx, id)
	for _, d := range all {
		if err == nil {
			err = setDelivery(tx, d.ObjectID, d.Destination, func(d *index.Delivery) { d.State = index.Withdrawn })
		}
	}
	return err
}

// withdraw drops jobs that are not running, and marks their deliveries.
func (a *Archive) withdraw(tx index.Tx, entries []jobs.Entry) error {
	ids := make([]int64, 0, len(entries))
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	if len(ids) == 0 {
		return nil
	}
	dropped, err := a.jobs.Drop(context.Background(), tx, ids...)
	if err != nil {
		return err
	}
	return markDeliveries(tx, dropped, index.Withdrawn)
}

// markDeliveries sets the state of the deliveries of dropped jobs.
func markDeliveries(tx index.Tx, dropped []jobs.Entry, state index.DeliveryState) error {
	for _, e := range dropped {
		if e.Kind != jobs.Deliver {
			continue
		}
		err := setDelivery(tx, e.ObjectID, e.Destination, func(d *index.Delivery) { d.State = state })
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

// setDelivery changes one delivery.
func setDelivery(tx index.Tx, object int64, destination string, change func(*index.Delivery)) error {
	all, err := tx.DeliveriesOf(object)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(d index.Delivery) bool { return d.Destination == destination })
	if i < 0 {
		return ErrNotFound
	}
	all[i].At = time.Now()
	change(&all[i])
	return tx.SetDelivery(all[i])
}
