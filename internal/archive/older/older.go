// Package older fills in what earlier releases did not record of objects and deliveries.
// Changes of the schema are in package index.
package older

import (
	"context"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
)

// pageSize is how many rows are read at a time.
const pageSize = 256

// Settle sets the states of deliveries from their jobs, and the outcomes of received objects
// without a job with the function outcome, which gets the number of results. It is for archives
// of releases that recorded neither.
func Settle(ctx context.Context, x index.Index, queue jobs.Queue, outcome func(o index.Object, results int) string) error {
	return x.Update(ctx, func(tx index.Tx) error {
		for last := int64(0); ; {
			page, err := tx.Page(last, pageSize)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, o := range page {
				entries, err := queue.Of(ctx, tx, o.ID)
				switch {
				case err == nil && o.ParentID != 0:
					err = settleDeliveries(tx, o, entries)
				case err == nil && len(entries) == 0:
					err = settleOutcome(tx, o, outcome)
				}
				if err != nil {
					return err
				}
			}
			last = page[len(page)-1].ID
		}
	})
}

func settleOutcome(tx index.Tx, o index.Object, outcome func(index.Object, int) string) error {
	results, err := tx.Children(o.ID)
	if err != nil {
		return err
	}
	o.Outcome, o.OutcomeAt = outcome(o, len(results)), time.Now()
	return tx.Set(o)
}

func settleDeliveries(tx index.Tx, o index.Object, entries []jobs.Entry) error {
	deliveries, err := tx.DeliveriesOf(o.ID)
	if err != nil {
		return err
	}
	waits := map[string]jobs.Entry{}
	for _, e := range entries {
		waits[e.Destination] = e
	}
	for _, d := range deliveries {
		e, undone := waits[d.Destination]
		switch {
		case !undone:
			d.State = index.Delivered // or dropped by hand, which was not recorded
		case e.State == jobs.Quarantined:
			d.State, d.Words, d.Attempts = index.Refused, e.Reason, e.Attempts
		case e.Attempts > 0:
			d.State, d.Words, d.Attempts = index.Failing, e.Reason, e.Attempts
		}
		d.At = time.Now()
		if err := tx.SetDelivery(d); err != nil {
			return err
		}
	}
	return nil
}
