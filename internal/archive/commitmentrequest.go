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

// CommitmentRequest is a peer's request for storage commitment (PS3.4 J.3.2) and the state of its answer.
// It is stored until the answer has been delivered.
type CommitmentRequest struct {
	Peer    string             `json:"-"` // name in the configuration
	At      time.Time          `json:"-"`
	Request commitment.Request `json:"request"`
	// Asked is the Transaction UID of the request that was forwarded to another archive, ""
	// before that. AskedAt is its time.
	Asked   string    `json:"asked,omitempty"`
	AskedAt time.Time `json:"asked_at,omitzero"`
	// Result is the answer, nil until it is known.
	Result    *commitment.Result `json:"result,omitempty"`
	DecidedAt time.Time          `json:"decided_at,omitzero"`
}

// ErrOtherRequest says that the peer has already used the Transaction UID for a different
// request.
var ErrOtherRequest = errors.New("the Transaction UID belongs to another request")

// Requested stores a peer's request. It returns nil only when the request is on disk. An
// identical repeat is stored once.
func (a *Archive) Requested(ctx context.Context, peer string, rq commitment.Request) error {
	return a.index.Update(ctx, func(tx index.Tx) error {
		row, err := tx.CommitmentRequest(peer, rq.TransactionUID)
		if errors.Is(err, ErrNotFound) {
			return setCommitmentRequest(tx, CommitmentRequest{Peer: peer, At: time.Now(), Request: rq})
		}
		if err != nil {
			return err
		}
		have, err := commitmentRequestOf(row)
		if err == nil && !reflect.DeepEqual(have.Request, rq) {
			err = ErrOtherRequest
		}
		return err
	})
}

func setCommitmentRequest(tx index.Tx, p CommitmentRequest) error {
	content, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return tx.SetCommitmentRequest(index.CommitmentRequest{Peer: p.Peer, TransactionUID: p.Request.TransactionUID, At: p.At, Content: string(content)})
}

func commitmentRequestOf(row index.CommitmentRequest) (p CommitmentRequest, err error) {
	if err := json.Unmarshal([]byte(row.Content), &p); err != nil {
		return p, fmt.Errorf("a promise in the index cannot be read: %w", err)
	}
	p.Peer, p.At = row.Peer, row.At
	return p, nil
}

// SetCommitmentRequest updates the state of a request. It changes nothing if the request already has a
// result or was deleted, so that a peer gets one answer only.
func (a *Archive) SetCommitmentRequest(ctx context.Context, p CommitmentRequest) error {
	return a.index.Update(ctx, func(tx index.Tx) error {
		row, err := tx.CommitmentRequest(p.Peer, p.Request.TransactionUID)
		if err != nil {
			return ignoreNotFound(err)
		}
		have, err := commitmentRequestOf(row)
		if err != nil || have.Result != nil {
			return err
		}
		return setCommitmentRequest(tx, p)
	})
}

// DeleteCommitmentRequest deletes a request whose answer has been delivered.
func (a *Archive) DeleteCommitmentRequest(ctx context.Context, p CommitmentRequest) error {
	return a.index.Update(ctx, func(tx index.Tx) error { return tx.DeleteCommitmentRequest(p.Peer, p.Request.TransactionUID) })
}

// CommitmentRequests lists the requests whose answers are not delivered yet, oldest first.
func (a *Archive) CommitmentRequests(ctx context.Context) ([]CommitmentRequest, error) {
	rows, err := view(ctx, a, func(tx index.Tx) ([]index.CommitmentRequest, error) { return tx.CommitmentRequests() })
	all := make([]CommitmentRequest, len(rows))
	for i, row := range rows {
		if err != nil {
			break
		}
		all[i], err = commitmentRequestOf(row)
	}
	return all, err
}

// Keeps verifies that an instance is stored here, undamaged and under the given SOP class, by
// reading its file. It returns 0 if it is, else the Failure Reason (PS3.3 C.14.1.1).
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
