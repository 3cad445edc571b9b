package archive

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
)

// Pause says who stopped the deliveries to a destination.
type Pause struct {
	Destination string    `json:"destination"`
	Since       time.Time `json:"since"`
	Who         string    `json:"who"` // user of the operating system
	Reason      string    `json:"reason,omitempty"`
}

const pausedKey = "paused:"

// PauseDestination stops the deliveries to a destination, which a running node obeys
// within seconds; those under way end. It is noted as a manual act.
func (a *Archive) PauseDestination(ctx context.Context, destination string) error {
	return a.index.Update(ctx, func(tx index.Tx) error {
		p := Pause{Destination: destination, Since: time.Now(), Who: whoami(), Reason: reasonOf(ctx)}
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

// ResumeDestination ends a pause; false when there was none. It is noted as a manual act.
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

// Paused tells whether the deliveries to a destination are stopped.
func (a *Archive) Paused(ctx context.Context, destination string) (p Pause, paused bool, err error) {
	v, err := a.Recall(ctx, pausedKey+destination)
	if err != nil || v == "" {
		return p, false, err
	}
	return p, true, json.Unmarshal([]byte(v), &p)
}

// drainKey keeps a Pause of receiving; its Destination is empty.
const drainKey = "drain"

// Drain stops receiving, which a running node obeys within seconds: it refuses further
// associations and finishes what it has. It is noted as a manual act.
func (a *Archive) Drain(ctx context.Context) error {
	return a.index.Update(ctx, func(tx index.Tx) error {
		b, err := json.Marshal(Pause{Since: time.Now(), Who: whoami(), Reason: reasonOf(ctx)})
		if err != nil {
			return err
		}
		if err := tx.SetValue(drainKey, string(b)); err != nil {
			return err
		}
		return act(ctx, tx, "drain", "node")
	})
}

// EndDrain lets the node receive again; false when it did already. It is noted as a
// manual act.
func (a *Archive) EndDrain(ctx context.Context) (was bool, err error) {
	err = a.index.Update(ctx, func(tx index.Tx) error {
		v, err := tx.Value(drainKey)
		if was = v != ""; err != nil || !was {
			return err
		}
		if err := tx.SetValue(drainKey, ""); err != nil {
			return err
		}
		return act(ctx, tx, "end drain", "node")
	})
	return was, err
}

// Drained tells whether receiving is stopped.
func (a *Archive) Drained(ctx context.Context) (p Pause, drained bool, err error) {
	v, err := a.Recall(ctx, drainKey)
	if err != nil || v == "" {
		return p, false, err
	}
	return p, true, json.Unmarshal([]byte(v), &p)
}

// Answers waits until the index has given a reader and a writer their turn. It changes
// nothing; an error of the index is an answer too.
func (a *Archive) Answers(ctx context.Context) error {
	_, err := a.Recall(ctx, drainKey)
	return errors.Join(err, a.index.Update(ctx, func(index.Tx) error { return nil }))
}

// Remember keeps a note of the program under a key, for Recall in any process.
func (a *Archive) Remember(ctx context.Context, key, value string) error {
	return a.index.Update(ctx, func(tx index.Tx) error { return tx.SetValue(key, value) })
}

// Recall is what Remember kept under a key, "" when nothing.
func (a *Archive) Recall(ctx context.Context, key string) (string, error) {
	return view(ctx, a, func(tx index.Tx) (string, error) { return tx.Value(key) })
}

// Destinations lists every destination a delivery was ever noted for.
func (a *Archive) Destinations(ctx context.Context) ([]string, error) {
	return view(ctx, a, func(tx index.Tx) ([]string, error) { return tx.Destinations() })
}

// Free is how many bytes the file system of the objects has for more.
func (a *Archive) Free() (int64, error) { return a.free() }

// Later marks err as one of a job that was not tried: it is due again after the pause,
// and the attempt is not counted. It is nil when err is.
func Later(err error, pause time.Duration) error {
	if err == nil {
		return nil
	}
	return &jobs.LaterError{Err: err, Pause: pause}
}

// Held lists the deliveries that wait for a person to release or to drop them, by object.
// They have no job, survive restarts and do not expire.
func (a *Archive) Held(ctx context.Context) ([]index.Delivery, error) {
	return view(ctx, a, func(tx index.Tx) ([]index.Delivery, error) { return tx.Held() })
}

// Release lets the held deliveries of results, by our numbers, begin, and returns how
// many there were. What is not held is left alone. It is noted as a manual act.
func (a *Archive) Release(ctx context.Context, ids ...int64) (n int, err error) {
	return a.endHeld(ctx, "release", ids, func(tx index.Tx, d index.Delivery) error {
		d.State, d.Words = index.Pending, ""
		if err := tx.SetDelivery(d); err != nil {
			return err
		}
		return a.jobs.Insert(ctx, tx, jobs.Job{Kind: jobs.Deliver, ObjectID: d.ObjectID, Destination: d.Destination})
	})
}

// DropHeld gives up the held deliveries of results, by our numbers, and returns how many
// there were. The results stay for their time. It is noted as a manual act.
func (a *Archive) DropHeld(ctx context.Context, ids ...int64) (n int, err error) {
	return a.endHeld(ctx, "drop", ids, func(tx index.Tx, d index.Delivery) error {
		d.State = index.Refused
		return tx.SetDelivery(d)
	})
}

// endHeld does something about each held delivery of some results and notes it.
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

// holdDelivery keeps a delivery from being made until somebody releases it.
func holdDelivery(tx index.Tx, object int64, destination, why string) error {
	return setDelivery(tx, object, destination, func(d *index.Delivery) { d.State, d.Words = index.Held, why })
}

// withdrawHeld ends the held deliveries of a result that does not count any more.
func withdrawHeld(tx index.Tx, id int64) error {
	all, err := heldOf(tx, id)
	for _, d := range all {
		if err == nil {
			err = setDelivery(tx, d.ObjectID, d.Destination, func(d *index.Delivery) { d.State = index.Withdrawn })
		}
	}
	return err
}
