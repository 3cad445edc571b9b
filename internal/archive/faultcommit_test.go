package archive_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"dicomnode/internal/archive"
	"dicomnode/internal/archive/index"
	"dicomnode/internal/commitment"
)

// committing requests the commitment of delivered objects (PS3.4 J), as a node does, and
// applies the results of a PACS. At times the PACS reports that it does not have an instance,
// or does not answer. lost is called for an instance that the PACS no longer has.
func committing(a func() *archive.Archive, lost func(archive.Object)) func(context.Context, archive.Object, index.Delivery) (index.DeliveryState, error) {
	return func(ctx context.Context, o archive.Object, d index.Delivery) (index.DeliveryState, error) {
		switch d.State {
		case index.Requested: // the answer was lost
			return index.Sent, archive.Later(archive.ErrNotCommitted, 0)
		case index.NotCommitted:
			return index.Failing, errors.New("not committed")
		}
		transaction := commitment.NewTransactionUID()
		refs, err := a().AskCommitment(ctx, d.Destination, transaction, []int64{o.ID})
		if err != nil || len(refs) == 0 {
			return "", errors.Join(err, archive.Later(archive.ErrNotCommitted, time.Millisecond))
		}
		result := commitment.Result{TransactionUID: transaction, Committed: refs}
		switch rand.IntN(6) {
		case 0:
			lost(o)
			result = commitment.Result{TransactionUID: transaction, Failed: []commitment.Failure{{Reference: refs[0], Reason: 0x0112}}}
		case 1:
			return "", errors.Join(a().CommitmentAsked(ctx, d.Destination, transaction, true), archive.Later(archive.ErrNotCommitted, time.Millisecond))
		}
		for range 5 { // a PACS repeats a report that was not accepted
			if _, err = a().Committed(ctx, d.Destination, result); err == nil {
				break
			}
		}
		return "", errors.Join(err, archive.Later(archive.ErrNotCommitted, 0))
	}
}

// forgets makes the PACS of a world lose what was delivered of an instance.
func (w *world) forgets(o archive.Object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for what := range w.delivered[source(o)] {
		if strings.HasPrefix(what, o.SOPInstanceUID+" ") {
			delete(w.delivered[source(o)], what)
		}
	}
}

// committed adds the commitment of an instance's results to f. A result that counts as
// committed but is not at the PACS is a false Success.
func (w *world) committed(f *tally, o archive.Object) {
	results, err := w.a.Results(context.Background(), o.ID)
	if err != nil {
		w.t.Error(err)
	}
	for _, r := range results {
		deliveries, err := w.a.Deliveries(context.Background(), r.ID)
		if err != nil {
			w.t.Error(err)
		}
		for _, d := range deliveries {
			switch has := w.has(r); {
			case d.State == index.Delivered && (!has || d.Words != "committed"):
				f.falseSuccess++
			case d.State != index.Delivered && r.SupersededAt.IsZero():
				f.lost++
			}
		}
	}
}

// has reports whether the PACS has received a result and not lost it.
func (w *world) has(r archive.Object) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for what := range w.delivered[source(r)] {
		if strings.HasPrefix(what, r.SOPInstanceUID+" ") {
			return true
		}
	}
	return false
}
