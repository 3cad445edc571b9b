package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
	"dicomnode/internal/archive/note"
	"dicomnode/internal/archive/store"
	"dicomnode/internal/archive/sum"
	"dicomnode/internal/part10"
)

// segment runs the handler and commits its outputs in the transaction that ends the job.
func (a *Archive) segment(ctx context.Context, h Handlers, r jobs.Run) error {
	source, err := a.subject(ctx, r)
	if err != nil {
		return err
	}
	made, err := h.Segment(WithModel(ctx, r.Model), source)
	if err != nil {
		return unreadable(err)
	}
	if err := distinct(made.Outputs); err != nil {
		return err
	}
	results := make([]result, len(made.Outputs))
	defer func() { a.forgetUncommitted(results) }()
	for i, out := range made.Outputs {
		if results[i], err = a.storeOutput(ctx, source, made, out); err != nil {
			return fmt.Errorf("store output %d: %w", i+1, err)
		}
	}
	old, err := a.outdated(ctx, source, results)
	if err != nil {
		return fmt.Errorf("look up results: %w", err)
	}
	return a.commitOutputs(ctx, r, source, made, results, old)
}

// result is an output that was stored.
type result struct {
	index.Object
	Output
	awaitsRow bool   // its file is written, but it has no row yet
	replaces  string // name of the damaged file that it replaces
	committed bool
}

// distinct returns an error if two outputs have the same SOP Instance UID.
func distinct(outputs []Output) error {
	seen := map[string]bool{}
	for i, out := range outputs {
		if seen[out.SOPInstanceUID] {
			return Permanent(fmt.Errorf("output %d has the SOP Instance UID of an earlier one", i+1))
		}
		seen[out.SOPInstanceUID] = true
	}
	return nil
}

// storeOutput writes the file of an output, unless an earlier run of the job has committed it
// and its file is undamaged.
func (a *Archive) storeOutput(ctx context.Context, source Object, made Made, out Output) (result, error) {
	res := result{Output: out}
	have, err := a.Find(ctx, out.SOPInstanceUID)
	switch {
	case err == nil && have.ParentID != source.ID:
		return res, Permanent(errors.New("its SOP Instance UID belongs to another object"))
	case err == nil:
		res.Object = have.Object
		if _, err = a.verify(ctx, have.Object); !errors.Is(err, ErrDamaged) {
			return res, err
		}
		res.replaces = have.Name
	case errors.Is(err, ErrNotFound):
		res.Object = index.Object{
			ParentID: source.ID, SOPClassUID: out.SOPClassUID, SOPInstanceUID: out.SOPInstanceUID, Version: 1,
			TransferSyntaxUID: out.TransferSyntaxUID, Source: source.Source, Route: made.Route, Purpose: Keep, Received: time.Now(),
		}
	default:
		return res, err
	}
	d, err := a.store.Create()
	if err != nil {
		return res, spaceError(err)
	}
	defer d.Discard()
	if err := a.fillOutput(&res.Object, source, d, made.Held, out); err != nil {
		return res, err
	}
	if err := d.Sync(); err != nil {
		return res, spaceError(err)
	}
	if res.Name, err = d.Keep(); err != nil {
		return res, spaceError(err)
	}
	res.awaitsRow = true
	return res, spaceError(a.store.Sync(res.Name))
}

// fillOutput writes the file of o and checks its content like that of a received object.
func (a *Archive) fillOutput(o *index.Object, source Object, d store.Draft, held string, out Output) error {
	n := note.Of(*o)
	n.SHA256 = note.UnknownSHA256
	n.Parent, n.ParentOf, n.Destinations, n.Held = source.SOPInstanceUID, source.Version, out.Destinations, held
	sealAt, err := a.writeMeta(d, *o, n)
	switch {
	case d.Err() != nil:
		return spaceError(d.Err())
	case err != nil:
		return Permanent(err)
	}
	o.DatasetOffset = d.Size()
	sums := sum.New()
	err = out.Write(io.MultiWriter(d, sums))
	switch {
	case d.Err() != nil: // an error of the disk, not of the output
		return spaceError(d.Err())
	case err != nil:
		return Permanent(err)
	}
	o.Size, o.CRC32C, o.SHA256 = d.Size(), sums.CRC32C(), sums.SHA256()
	head, err := part10.Scan(io.NewSectionReader(d, o.DatasetOffset, o.Size-o.DatasetOffset), o.TransferSyntaxUID)
	switch {
	case err != nil:
		return Permanent(fmt.Errorf("%w: %w", ErrUnreadable, err))
	case head.SOPClassUID != o.SOPClassUID || head.SOPInstanceUID != o.SOPInstanceUID:
		return Permanent(ErrMismatch)
	}
	describe(o, head)
	_, err = d.WriteAt(n.Seal(*o), sealAt)
	return spaceError(err)
}

// commitOutputs adds rows and deliveries, sets the outcome and ends the job in one transaction.
// If a newer version has superseded the image in the meantime, the results are discarded.
func (a *Archive) commitOutputs(ctx context.Context, r jobs.Run, source Object, made Made, results []result, old []index.Object) error {
	discarded, finish := false, a.finish
	if len(results)+len(old) == 0 {
		finish = a.finishUnsynced
	}
	err := finish(ctx, r, func(tx index.Tx) error {
		now, err := tx.Object(source.ID)
		if err != nil || !now.SupersededAt.IsZero() {
			discarded = true
			return ignoreNotFound(err)
		}
		served, err := a.takeOver(tx, old, r.Priority == jobs.Again)
		if err != nil {
			return err
		}
		for i := range results {
			if err := a.commitOutput(ctx, tx, &results[i], served, made.Held, r.Priority); err != nil {
				return err
			}
		}
		outcome := made.Outcome
		if outcome == "" {
			outcome = Segmented
		}
		return settleOutcome(tx, source.ID, outcome, func(o *index.Object) {
			source.keepSum(o)
			o.Quality = made.Quality
			if made.Route != "" {
				o.Route = made.Route
			}
			if made.Digests.Known() {
				o.Digests = made.Digests
			}
		})
	})
	if err != nil {
		return fmt.Errorf("commit outputs: %w", err)
	}
	for i := range results {
		if results[i].committed = !discarded; discarded {
			continue
		}
		if results[i].replaces != "" {
			a.setAside(results[i].replaces, results[i].ID)
		}
	}
	return nil
}

func ignoreNotFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// commitOutput adds or updates the row of an output and adds its missing deliveries.
// Destinations in served have already received the result that it supersedes: their delivery is
// skipped. If held is not empty, deliveries are held and get no job.
func (a *Archive) commitOutput(ctx context.Context, tx index.Tx, res *result, served map[string]bool, held string, p jobs.Priority) (err error) {
	switch {
	case res.replaces != "":
		err = tx.Set(res.Object)
	case res.awaitsRow:
		res.ID, err = tx.Add(res.Object)
	}
	if err != nil {
		return err
	}
	for _, destination := range res.Destinations {
		added, err := tx.AddDelivery(res.ID, destination)
		switch {
		case err != nil || !added:
		case served[destination]:
			err = setDelivery(tx, res.ID, destination, func(d *index.Delivery) { d.State = index.Skipped })
		case held != "":
			err = holdDelivery(tx, res.ID, destination, held)
		default:
			err = a.jobs.Insert(ctx, tx, jobs.Job{Kind: jobs.Deliver, ObjectID: res.ID, Destination: destination, Priority: p})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetUncommitted removes the files of outputs that got no row.
func (a *Archive) forgetUncommitted(results []result) {
	for _, res := range results {
		if res.awaitsRow && !res.committed {
			a.forget(res.Name)
		}
	}
}
