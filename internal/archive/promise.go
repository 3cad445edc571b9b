package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/commitment"
)

// Promise is a peer's request for storage commitment (PS3.4 J.3.2) and how far its
// answer is. It is kept until the peer has the answer.
type Promise struct {
	Peer    string             `json:"-"` // name in the configuration
	At      time.Time          `json:"-"`
	Request commitment.Request `json:"request"`
	// Asked is the Transaction UID under which another archive was asked in turn, ""
	// before; AskedAt when.
	Asked   string    `json:"asked,omitempty"`
	AskedAt time.Time `json:"asked_at,omitzero"`
	// Result is the answer, nil until it is decided.
	Result    *commitment.Result `json:"result,omitempty"`
	DecidedAt time.Time          `json:"decided_at,omitzero"`
}

// ErrOtherRequest says that a peer has used a Transaction UID for another request.
var ErrOtherRequest = errors.New("the Transaction UID belongs to another request")

// Requested keeps a peer's request. It returns nil only when it is on disk; a request
// that is repeated as it was is kept once.
func (a *Archive) Requested(ctx context.Context, peer string, rq commitment.Request) error {
	return a.index.Update(ctx, func(tx index.Tx) error {
		row, err := tx.Promise(peer, rq.TransactionUID)
		if errors.Is(err, ErrNotFound) {
			return setPromise(tx, Promise{Peer: peer, At: time.Now(), Request: rq})
		}
		if err != nil {
			return err
		}
		have, err := promiseOf(row)
		if err == nil && !reflect.DeepEqual(have.Request, rq) {
			err = ErrOtherRequest
		}
		return err
	})
}

func setPromise(tx index.Tx, p Promise) error {
	content, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return tx.SetPromise(index.Promise{Peer: p.Peer, TransactionUID: p.Request.TransactionUID, At: p.At, Content: string(content)})
}

func promiseOf(row index.Promise) (p Promise, err error) {
	if err := json.Unmarshal([]byte(row.Content), &p); err != nil {
		return p, fmt.Errorf("a promise in the index cannot be read: %w", err)
	}
	p.Peer, p.At = row.Peer, row.At
	return p, nil
}

// SetPromise notes how far a promise is. One that was decided meanwhile, or forgotten,
// stays as it is: a peer hears one answer.
func (a *Archive) SetPromise(ctx context.Context, p Promise) error {
	return a.index.Update(ctx, func(tx index.Tx) error {
		row, err := tx.Promise(p.Peer, p.Request.TransactionUID)
		if err != nil {
			return ignoreNotFound(err)
		}
		have, err := promiseOf(row)
		if err != nil || have.Result != nil {
			return err
		}
		return setPromise(tx, p)
	})
}

// Forgo forgets a promise whose answer the peer has.
func (a *Archive) Forgo(ctx context.Context, p Promise) error {
	return a.index.Update(ctx, func(tx index.Tx) error { return tx.Forgo(p.Peer, p.Request.TransactionUID) })
}

// Promises lists those whose peers wait for the answer, the oldest first.
func (a *Archive) Promises(ctx context.Context) ([]Promise, error) {
	rows, err := view(ctx, a, func(tx index.Tx) ([]index.Promise, error) { return tx.Promises() })
	all := make([]Promise, len(rows))
	for i, row := range rows {
		if err != nil {
			break
		}
		all[i], err = promiseOf(row)
	}
	return all, err
}

// Keeps tells why an instance is not kept here: its Failure Reason (PS3.3 C.14.1.1), 0
// when it is: stored under its SOP class, and whole. It is read for that.
func (a *Archive) Keeps(ctx context.Context, ref commitment.Reference) (reason uint16, err error) {
	o, err := a.Find(ctx, ref.SOPInstanceUID)
	switch {
	case errors.Is(err, ErrNotFound):
		return commitment.NoSuchObjectInstance, nil
	case err != nil:
		return commitment.ProcessingFailure, err
	case o.SOPClassUID != ref.SOPClassUID:
		return commitment.ClassInstanceConflict, nil
	}
	_, err = a.verify(ctx, o.Object)
	switch {
	case errors.Is(err, ErrDamaged), errors.Is(err, ErrNotFound):
		a.opt.Log.Error("storage commitment refused: a stored object is damaged or missing", "object", o.ID, "error", err)
		return commitment.NoSuchObjectInstance, nil
	case err != nil:
		return commitment.ProcessingFailure, err
	}
	return 0, nil
}
