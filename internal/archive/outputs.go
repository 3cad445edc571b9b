package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"dicomnode/internal/part10"

	"github.com/riverqueue/river"
)

// segment runs the handler and commits its outputs together with the end of
// the job.
func (a *Archive) segment(ctx context.Context, h Handlers, j *river.Job[segmentArgs]) error {
	source, err := a.subject(ctx, j.Args.ObjectID)
	if err != nil {
		return err
	}
	outputs, err := h.Segment(ctx, source)
	if err != nil {
		return err
	}
	if err := distinct(outputs); err != nil {
		return err
	}
	made := make([]Object, len(outputs))
	defer func() { a.forgetUncommitted(made) }()
	for i, out := range outputs {
		if made[i], err = a.storeOutput(ctx, source, out); err != nil {
			return fmt.Errorf("store output %d: %w", i+1, err)
		}
	}
	return a.commitOutputs(ctx, j, source, outputs, made)
}

// distinct refuses two outputs with one SOP Instance UID.
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

// storeOutput writes the file of an output, unless an earlier run of the same
// job has committed it. An object without an ID awaits its row.
func (a *Archive) storeOutput(ctx context.Context, source Object, out Output) (Object, error) {
	switch o, err := a.Find(ctx, out.SOPInstanceUID); {
	case err == nil && o.ParentID != source.ID:
		return Object{}, Permanent(errors.New("its SOP Instance UID belongs to another object"))
	case err == nil:
		return o, nil
	case !errors.Is(err, ErrNotFound):
		return Object{}, err
	}
	d, err := a.newDraft()
	if err != nil {
		return Object{}, err
	}
	o := Object{
		ParentID: source.ID, SOPClassUID: out.SOPClassUID, SOPInstanceUID: out.SOPInstanceUID,
		TransferSyntaxUID: out.TransferSyntaxUID, Route: source.Route, Purpose: Keep, Received: time.Now(),
	}
	if err := a.fillOutput(&o, d, out); err != nil {
		d.discard()
		return Object{}, err
	}
	path := filepath.Join(a.opt.Dir, objectPath(o.SOPInstanceUID))
	if err := d.keep(path); err != nil {
		d.discard()
		return Object{}, err
	}
	o.path = path
	return o, syncDir(filepath.Dir(path))
}

// fillOutput writes the file of o and checks what was written as if it had
// been received.
func (a *Archive) fillOutput(o *Object, d *draft, out Output) error {
	if err := part10.WriteMeta(d, a.meta(o.SOPClassUID, o.SOPInstanceUID, o.TransferSyntaxUID, "", "")); err != nil {
		return Permanent(err)
	}
	o.DatasetOffset = d.size
	err := out.Write(d)
	switch {
	case d.err != nil: // the disk's fault, not the output's
		return d.err
	case err != nil:
		return Permanent(err)
	}
	o.Size = d.size
	head, err := part10.Scan(io.NewSectionReader(d.File, o.DatasetOffset, o.Size-o.DatasetOffset), o.TransferSyntaxUID)
	switch {
	case err != nil:
		return Permanent(fmt.Errorf("%w: %w", ErrUnreadable, err))
	case head.SOPClassUID != o.SOPClassUID || head.SOPInstanceUID != o.SOPInstanceUID:
		return Permanent(ErrMismatch)
	}
	o.describe(head)
	return nil
}

// commitOutputs makes rows, deliveries and the end of the job one transaction.
func (a *Archive) commitOutputs(ctx context.Context, j *river.Job[segmentArgs], source Object, outputs []Output, made []Object) error {
	ids := make([]int64, len(made))
	err := inTx(ctx, a.write, func(tx *sql.Tx) error {
		var jobs []river.InsertManyParams
		for i, o := range made {
			id, err := a.addOutput(ctx, tx, o)
			if err != nil {
				return err
			}
			ids[i] = id
			more, err := a.addDeliveries(ctx, tx, id, outputs[i].Destinations)
			if err != nil {
				return err
			}
			jobs = append(jobs, more...)
		}
		if len(jobs) > 0 {
			if _, err := a.insert.InsertManyTx(ctx, tx, jobs); err != nil {
				return err
			}
		}
		_, err := river.JobCompleteTx[*driver](ctx, tx, j)
		return err
	})
	if err != nil {
		return fmt.Errorf("commit outputs: %w", spaceError(err))
	}
	for i := range made {
		made[i].ID = ids[i]
		for _, destination := range outputs[i].Destinations {
			a.fresh.ring(deliverQueue(destination))
			a.bell.ring(deliverQueue(destination))
		}
	}
	return nil
}

// addOutput inserts the row of an output, if it has none, and returns its id.
func (a *Archive) addOutput(ctx context.Context, tx *sql.Tx, o Object) (int64, error) {
	if o.ID != 0 {
		return o.ID, nil
	}
	id, err := a.add(ctx, tx, o)
	if err == nil && id == 0 {
		err = errors.New("the SOP instance was stored meanwhile")
	}
	return id, err
}

// addDeliveries notes where an object goes and returns the jobs for the
// destinations it did not go to yet.
func (a *Archive) addDeliveries(ctx context.Context, tx *sql.Tx, id int64, destinations []string) (jobs []river.InsertManyParams, err error) {
	for _, destination := range destinations {
		res, err := tx.ExecContext(ctx, "INSERT INTO delivery (object_id, destination) VALUES (?, ?) ON CONFLICT DO NOTHING", id, destination)
		if err != nil {
			return nil, err
		}
		if n, err := res.RowsAffected(); err != nil {
			return nil, err
		} else if n == 1 {
			jobs = append(jobs, a.job(deliverArgs{id, destination}, deliverQueue(destination)))
		}
	}
	return jobs, nil
}

// forgetUncommitted removes the files of outputs that got no row.
func (a *Archive) forgetUncommitted(made []Object) {
	for _, o := range made {
		if o.ID == 0 && o.path != "" {
			a.forget(o)
		}
	}
}
