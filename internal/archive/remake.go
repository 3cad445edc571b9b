package archive

import (
	"context"
	"errors"
	"slices"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
)

// remake makes a damaged result again from its image.
func (a *Archive) remake(ctx context.Context, o Object) error {
	if o.ParentID == 0 {
		return nil
	}
	return a.index.Update(ctx, func(tx index.Tx) error {
		source, err := tx.Object(o.ParentID)
		if err != nil {
			return err
		}
		entries, err := a.jobs.Of(ctx, tx, source.ID)
		if err != nil || len(entries) > 0 {
			return err
		}
		a.opt.Log.Warn("a damaged result is made again", "object", o.ID, "from", source.ID)
		return a.jobs.Insert(ctx, tx, jobs.Job{Kind: jobs.Segment, ObjectID: source.ID})
	})
}

// outdated are the earlier results of source, if one of them is damaged and not among the new
// ones: results of another program or model have other UIDs, so the damaged one cannot be
// replaced.
func (a *Archive) outdated(ctx context.Context, source Object, results []result) ([]index.Object, error) {
	old, err := view(ctx, a, func(tx index.Tx) ([]index.Object, error) { return tx.Children(source.ID) })
	if err != nil {
		return nil, err
	}
	old = slices.DeleteFunc(old, func(o index.Object) bool {
		return !o.SupersededAt.IsZero() || slices.ContainsFunc(results, func(r result) bool { return r.Object.SOPInstanceUID == o.SOPInstanceUID })
	})
	for _, o := range old {
		if _, err := a.verify(ctx, o); errors.Is(err, ErrDamaged) {
			return old, nil
		} else if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// takeOver marks outdated results as superseded and withdraws their deliveries. It returns the
// destinations that have received all of them, which need no new ones unless a person requested
// it.
func (a *Archive) takeOver(tx index.Tx, old []index.Object, asked bool) (served map[string]bool, err error) {
	if len(old) == 0 {
		return nil, nil
	}
	had := map[string]int{}
	var ids []int64
	for _, o := range old {
		deliveries, err := tx.DeliveriesOf(o.ID)
		if err != nil {
			return nil, err
		}
		for _, d := range deliveries {
			if d.State == index.Delivered && !asked {
				had[d.Destination]++
			}
		}
		o.SupersededAt = time.Now()
		if err := errors.Join(tx.Set(o), withdrawHeld(tx, o.ID)); err != nil {
			return nil, err
		}
		ids = append(ids, o.ID)
	}
	entries, err := a.jobs.Of(context.Background(), tx, ids...)
	if err == nil {
		err = a.withdraw(tx, entries)
	}
	served = map[string]bool{}
	for destination, n := range had {
		served[destination] = n == len(old)
	}
	a.opt.Log.Warn("damaged results are replaced by results of another program or model", "superseded_results", ids)
	return served, err
}

// insteadError is made by Instead.
type insteadError struct{ error }

func (e insteadError) Unwrap() error { return e.error }

// Instead marks err as the permanent refusal of a result whose destination gets another one
// instead: the delivery is withdrawn and the image is segmented again, in one transaction. It
// returns nil if err is nil. The Segment handler must know by then what the destination
// accepts.
func Instead(err error) error {
	if err == nil {
		return nil
	}
	return insteadError{err}
}

// instead ends the delivery of a result that is replaced by another one.
func (a *Archive) instead(ctx context.Context, r jobs.Run, o Object, answer Answer) error {
	return a.finish(ctx, r, func(tx index.Tx) error {
		err := setDelivery(tx, o.ID, r.Destination, func(d *index.Delivery) {
			d.State, d.Status, d.Words, d.Attempts = index.Withdrawn, answer.Status, answer.Words, d.Attempts+1
		})
		if err != nil || o.ParentID == 0 {
			return ignoreNotFound(err)
		}
		entries, err := a.jobs.Of(ctx, tx, o.ParentID)
		if err != nil {
			return err
		}
		for _, e := range entries { // a running job may have chosen its outputs already
			if e.Kind == jobs.Segment && (e.State == jobs.Waiting || e.State == jobs.Retrying) {
				return nil
			}
		}
		return a.jobs.Insert(ctx, tx, jobs.Job{Kind: jobs.Segment, ObjectID: o.ParentID})
	})
}

// IsInstead reports whether Instead made err, or an error in it.
func IsInstead(err error) bool {
	var e insteadError
	return errors.As(err, &e)
}

// supersede marks a version and its results, cancels their pending jobs, and returns the
// numbers of the results.
func (a *Archive) supersede(tx index.Tx, old index.Object) (results []int64, err error) {
	now := time.Now()
	children, err := tx.Children(old.ID)
	if err != nil {
		return nil, err
	}
	all := []int64{old.ID}
	for _, o := range append(children, old) {
		if o.SupersededAt = now; o.ID != old.ID {
			all, results = append(all, o.ID), append(results, o.ID)
		}
		if err := errors.Join(tx.Set(o), withdrawHeld(tx, o.ID)); err != nil {
			return nil, err
		}
	}
	entries, err := a.jobs.Of(context.Background(), tx, all...)
	if err != nil {
		return nil, err
	}
	return results, a.withdraw(tx, entries)
}
