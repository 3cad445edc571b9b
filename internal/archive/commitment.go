package archive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
	"dicomnode/internal/commitment"
)

// If a destination commits what it stores (PS3.4 J), the job of a delivery is done only after
// the commitment. Until then the job waits. The state of its delivery is Sent, then Requested,
// and NotCommitted if the destination answered without committing.

// CommitmentRecheckTime is the interval at which the job of a delivery that waits for its
// commitment runs again.
const CommitmentRecheckTime = 5 * time.Minute

// ErrNoTransaction says that no delivery to the destination has this Transaction UID: none was
// requested under it, or a later request has replaced it.
var ErrNoTransaction = errors.New("no such transaction")

// ErrNotCommitted is the reason why the job of a sent delivery waits.
var ErrNotCommitted = errors.New("sent, not yet committed")

// delivery is a row of a delivery; the zero value if there is none yet.
type delivery struct{ index.Delivery }

func (a *Archive) delivery(ctx context.Context, object int64, destination string) (delivery, error) {
	all, err := a.Deliveries(ctx, object)
	for _, d := range all {
		if d.Destination == destination {
			return delivery{d}, err
		}
	}
	return delivery{}, err
}

// stored reports whether the destination has confirmed that it stored the object.
func (d delivery) stored() bool {
	switch d.State {
	case index.Sent, index.Requested, index.NotCommitted:
		return true
	case index.Delivered:
		return d.TransactionUID != "" // the commitment arrived while the job ran
	}
	return false
}

// sent records that the destination has stored the object. The job runs again at once to get
// the commitment.
func (a *Archive) sent(ctx context.Context, note func(index.Tx) error) error {
	if err := a.index.Update(context.WithoutCancel(ctx), note); err != nil {
		return spaceError(err) // the object is sent again, which the destination treats as a repeat
	}
	return Later(ErrNotCommitted, 0)
}

// commitment runs the handler for the commitment of a delivery.
func (a *Archive) commitment(ctx context.Context, h Handlers, r jobs.Run, o Object, d index.Delivery) error {
	if d.State == index.Delivered {
		return a.finish(ctx, r, func(index.Tx) error { return nil })
	}
	if h.Commit == nil {
		return Later(ErrNotCommitted, CommitmentRecheckTime)
	}
	next, err := h.Commit(ctx, o, d)
	change := func(tx index.Tx) error {
		return ignoreNotFound(setDelivery(tx, o.ID, r.Destination, func(now *index.Delivery) {
			if now.State == d.State && now.TransactionUID == d.TransactionUID { // no answer arrived in the meantime
				now.State = next
			}
		}))
	}
	if next == index.Delivered && err == nil {
		return a.finish(ctx, r, change)
	}
	if next != "" && ctx.Err() == nil {
		err = errors.Join(err, a.index.Update(ctx, change))
	}
	return err
}

// AskCommitment records a Transaction UID for those of the objects that are Sent to a
// destination, before commitment is requested of it. It returns references to these objects.
func (a *Archive) AskCommitment(ctx context.Context, destination, transactionUID string, objects []int64) (refs []commitment.Reference, err error) {
	err = a.index.Update(ctx, func(tx index.Tx) error {
		refs = nil
		for _, id := range objects {
			o, err := tx.Object(id)
			if errors.Is(err, ErrNotFound) {
				continue // erased in the meantime
			}
			if err != nil {
				return err
			}
			asked := false
			err = setDelivery(tx, id, destination, func(d *index.Delivery) {
				if asked = d.State == index.Sent; asked {
					d.State, d.TransactionUID, d.RequestedAt = index.Requested, transactionUID, time.Time{}
				}
			})
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if asked {
				refs = append(refs, commitment.Reference{SOPClassUID: o.SOPClassUID, SOPInstanceUID: o.SOPInstanceUID})
			}
		}
		return nil
	})
	return refs, err
}

// CommitmentAsked records the response to a request for commitment: whether the destination
// accepted it. If not, the deliveries are Sent again, but a later result for the transaction
// still counts.
func (a *Archive) CommitmentAsked(ctx context.Context, destination, transactionUID string, accepted bool) error {
	return a.inTransaction(ctx, destination, transactionUID, func(tx index.Tx, d index.Delivery) error {
		switch {
		case d.State != index.Requested:
			return nil // the result has already arrived
		case accepted:
			d.RequestedAt = time.Now()
		default:
			d.State = index.Sent
		}
		return tx.SetDelivery(d)
	})
}

// inTransaction calls f for each delivery of a transaction. It returns ErrNoTransaction if
// there is none.
func (a *Archive) inTransaction(ctx context.Context, destination, transactionUID string, f func(index.Tx, index.Delivery) error) error {
	return a.index.Update(ctx, func(tx index.Tx) error {
		all, err := tx.InTransaction(transactionUID)
		if err != nil {
			return err
		}
		found := false
		for _, d := range all {
			if d.Destination != destination {
				continue
			}
			found = true
			if err := f(tx, d); err != nil {
				return err
			}
		}
		if !found {
			return ErrNoTransaction
		}
		return nil
	})
}

// Answered counts the deliveries of a commitment result.
type Answered struct {
	Committed    int
	NotCommitted int
	Unmentioned  int // requested, but in neither list: not committed
	TakenBack    int // reported as failed after they were committed
}

// Committed applies the result of a request for commitment (PS3.4 J.3.3). An instance counts as
// committed only if the result of the latest request for it lists it as committed, with its SOP
// class, and not also as failed. The job of a committed delivery is done; the job of any other
// runs at once.
func (a *Archive) Committed(ctx context.Context, destination string, result commitment.Result) (n Answered, err error) {
	said := map[string]answered{}
	for _, c := range result.Committed {
		said[c.SOPInstanceUID] = answered{class: c.SOPClassUID, committed: true}
	}
	for _, f := range result.Failed {
		said[f.SOPInstanceUID] = answered{class: f.SOPClassUID, reason: int(f.Reason)}
	}
	err = a.inTransaction(ctx, destination, result.TransactionUID, func(tx index.Tx, d index.Delivery) error {
		o, err := tx.Object(d.ObjectID)
		if err != nil {
			return ignoreNotFound(err)
		}
		s, mentioned := said[o.SOPInstanceUID]
		if s.committed && s.class != o.SOPClassUID {
			mentioned = false // not about this object
		}
		switch {
		case d.State == index.Delivered && mentioned && !s.committed:
			n.TakenBack++
			return a.takeBack(ctx, tx, d, s)
		case d.State != index.Requested && d.State != index.Sent:
			return nil // a repeat, or a delivery that was dropped
		case !mentioned:
			n.Unmentioned++
			s = answered{reason: -1}
		case s.committed:
			n.Committed++
		default:
			n.NotCommitted++
		}
		return a.settleCommitment(ctx, tx, d, s)
	})
	return n, err
}

// answered is the result for one instance.
type answered struct {
	class     string
	committed bool
	reason    int // Failure Reason; -1 if there is none
}

// settleCommitment records a result; the job of the delivery ends or runs again.
func (a *Archive) settleCommitment(ctx context.Context, tx index.Tx, d index.Delivery, s answered) error {
	d.At = time.Now()
	if s.committed {
		d.State, d.Words = index.Delivered, "committed"
	} else {
		d.State, d.Status, d.Words = index.NotCommitted, s.reason, "not committed"
	}
	if err := tx.SetDelivery(d); err != nil {
		return err
	}
	entries, err := a.jobs.Of(ctx, tx, d.ObjectID)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Kind != jobs.Deliver || e.Destination != d.Destination {
			continue
		}
		if s.committed {
			_, err = a.jobs.Drop(ctx, tx, e.ID) // a running job reads the state
		} else {
			err = a.jobs.Wake(ctx, tx, e.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// takeBack starts a delivery again that the destination had committed and now reports as
// failed.
func (a *Archive) takeBack(ctx context.Context, tx index.Tx, d index.Delivery, s answered) error {
	d.At, d.State, d.Status, d.Words = time.Now(), index.Failing, s.reason, "committed before, and not any more"
	if err := tx.SetDelivery(d); err != nil {
		return err
	}
	return a.jobs.Insert(ctx, tx, jobs.Job{Kind: jobs.Deliver, ObjectID: d.ObjectID, Destination: d.Destination})
}

// WakeCommitments makes the jobs due that wait for a commitment. A node calls it when it
// starts, because it does not know when their next check was planned.
func (a *Archive) WakeCommitments(ctx context.Context) error {
	return a.index.Update(ctx, func(tx index.Tx) error {
		open, err := tx.Undelivered()
		if err != nil {
			return err
		}
		for _, d := range open {
			if !(delivery{d}).stored() {
				continue
			}
			entries, err := a.jobs.Of(ctx, tx, d.ObjectID)
			if err != nil {
				return err
			}
			for _, e := range entries {
				if e.Destination == d.Destination {
					err = errors.Join(err, a.jobs.Wake(ctx, tx, e.ID))
				}
			}
			if err != nil {
				return fmt.Errorf("wake commitments: %w", err)
			}
		}
		return nil
	})
}
