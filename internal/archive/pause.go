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
