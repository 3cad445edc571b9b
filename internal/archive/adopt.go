package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
	"dicomnode/internal/archive/note"
	"dicomnode/internal/archive/sum"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// errNoObject says that a file is not a complete object.
var errNoObject = errors.New("not a whole object")

// found is a file that is a complete object.
type found struct {
	row  index.Object
	note note.Note // the zero value when it has none
	id   int64     // of its row in an older index; 0: it gets the next one
}

// add adds the row of f.
func (f found) add(tx index.Tx) (int64, error) {
	if f.id == 0 {
		return tx.Add(f.row)
	}
	return f.id, tx.AddAs(f.id, f.row)
}

// inspect reads the whole file. It returns errNoObject if the file is not a complete object;
// any other error comes from the disk.
func (a *Archive) inspect(name string) (f found, err error) {
	file, err := a.store.Open(name)
	if err != nil {
		return f, err
	}
	defer file.Close()
	head, err := part10.ReadHeader(file)
	if err != nil {
		return f, fmt.Errorf("%w: %w", errNoObject, err)
	}
	if _, err = file.Seek(0, io.SeekStart); err != nil {
		return f, err
	}
	if f.note, err = note.Read(file); err != nil && !errors.Is(err, note.ErrNone) {
		return f, fmt.Errorf("%w: %w", errNoObject, err)
	}
	f.row = index.Object{SOPClassUID: head.SOPClassUID, SOPInstanceUID: head.SOPInstanceUID, Version: 1,
		TransferSyntaxUID: head.TransferSyntaxUID, Purpose: Keep, Received: time.Now(),
		Name: name, Size: file.Size(), DatasetOffset: head.DatasetOffset}
	sums := sum.New()
	data := io.NewSectionReader(file, head.DatasetOffset, file.Size()-head.DatasetOffset)
	scanned, err := part10.Scan(io.TeeReader(data, sums), head.TransferSyntaxUID)
	if err != nil {
		return f, fmt.Errorf("%w: %w", errNoObject, err)
	}
	if !uid.Valid(head.SOPClassUID) || !uid.Valid(head.SOPInstanceUID) {
		return f, fmt.Errorf("%w: it has no SOP instance", errNoObject)
	}
	describe(&f.row, scanned)
	f.row.CRC32C, f.row.SHA256 = sums.CRC32C(), sums.SHA256()
	if f.note.Version != "" {
		if !f.note.Fits(f.row) {
			return f, fmt.Errorf("%w: its bytes have changed", errNoObject)
		}
		f.note.Describe(&f.row)
	}
	return f, nil
}

// enter adds the row and the jobs of a found object. It returns false if the object must not be
// added.
func (a *Archive) enter(ctx context.Context, f found, p jobs.Priority) (entered bool, err error) {
	err = a.index.Update(ctx, func(tx index.Tx) error {
		entered = false
		versions, err := tx.Versions(f.row.SOPInstanceUID)
		if err != nil {
			return err
		}
		for _, v := range versions {
			if v.Version == f.row.Version {
				entered, err = a.returnFile(ctx, tx, v, f)
				return err
			}
		}
		if f.note.Parent != "" {
			entered, err = a.enterResult(ctx, tx, f, p)
			return err
		}
		entered, err = true, a.enterReceived(ctx, tx, f, versions, p)
		return err
	})
	return entered, err
}

// returnFile makes f the file of row v if v's own file is missing or damaged and f has the same
// content: by SHA-256, or by CRC-32C if v's file was never read.
func (a *Archive) returnFile(ctx context.Context, tx index.Tx, v index.Object, f found) (bool, error) {
	if _, err := a.verify(ctx, v); !errors.Is(err, ErrDamaged) {
		return false, err
	}
	if v.SHA256 != "" && v.SHA256 != f.row.SHA256 || v.CRC32C != "" && v.CRC32C != f.row.CRC32C {
		return false, nil
	}
	v.CRC32C, v.SHA256 = f.row.CRC32C, f.row.SHA256
	v.Name, v.Size, v.DatasetOffset, v.TransferSyntaxUID = f.row.Name, f.row.Size, f.row.DatasetOffset, f.row.TransferSyntaxUID
	return true, tx.Set(v)
}

// enterReceived adds the row of a received object and its job. It adds no job if a tombstone
// shows that results were made of the object before it was removed.
func (a *Archive) enterReceived(ctx context.Context, tx index.Tx, f found, versions []index.Object, p jobs.Priority) error {
	tombstones, err := tx.TombstonesOf(f.row.SOPInstanceUID)
	if err != nil {
		return err
	}
	for _, b := range tombstones {
		if b.SHA256 == f.row.SHA256 && len(b.Results) > 0 {
			f.row.Outcome, f.row.OutcomeAt, f.row.Digests = Repeated, time.Now(), b.Digests
		}
	}
	newer := len(versions) > 0 && versions[len(versions)-1].Version > f.row.Version ||
		slices.ContainsFunc(tombstones, func(b index.Tombstone) bool { return b.Version > f.row.Version })
	if newer {
		f.row.SupersededAt = time.Now()
	}
	if f.row.ID, err = f.add(tx); err != nil {
		return err
	}
	for _, v := range versions {
		if v.Version < f.row.Version && v.SupersededAt.IsZero() {
			if _, err := a.supersede(tx, v); err != nil {
				return err
			}
		}
	}
	if newer || f.row.Outcome != "" || p == noJobs {
		return nil
	}
	return a.jobs.Insert(ctx, tx, jobsFor(f.row, p)...)
}

// enterResult adds the row of a result, its deliveries and their jobs. It returns false if the
// source object is missing or still has a job, because that job will make the result again.
func (a *Archive) enterResult(ctx context.Context, tx index.Tx, f found, p jobs.Priority) (bool, error) {
	versions, err := tx.Versions(f.note.Parent)
	if err != nil {
		return false, err
	}
	for _, v := range versions {
		if v.Version != f.note.ParentOf {
			continue
		}
		entries, err := a.jobs.Of(ctx, tx, v.ID)
		if err != nil || len(entries) > 0 {
			return false, err
		}
		f.row.ParentID, f.row.SupersededAt = v.ID, v.SupersededAt
		if f.row.ID, err = f.add(tx); err != nil {
			return false, err
		}
		if v.Outcome != Segmented { // otherwise an old index has said when
			v.Outcome, v.OutcomeAt = Segmented, time.Now()
		}
		if f.note.Route != "" {
			v.Route = f.note.Route
		}
		return true, errors.Join(tx.Set(v), a.addDeliveries(ctx, tx, f, p))
	}
	return false, nil
}

// addDeliveries adds the deliveries of a found result.
func (a *Archive) addDeliveries(ctx context.Context, tx index.Tx, f found, p jobs.Priority) error {
	for _, destination := range f.note.Destinations {
		if _, err := tx.AddDelivery(f.row.ID, destination); err != nil {
			return err
		}
		if !f.row.SupersededAt.IsZero() || p == noJobs {
			state := index.Skipped
			if !f.row.SupersededAt.IsZero() {
				state = index.Withdrawn
			}
			if err := setDelivery(tx, f.row.ID, destination, func(d *index.Delivery) { d.State = state }); err != nil {
				return err
			}
			continue
		}
		if f.note.Held != "" {
			if err := holdDelivery(tx, f.row.ID, destination, f.note.Held); err != nil {
				return err
			}
			continue
		}
		if err := a.jobs.Insert(ctx, tx, jobs.Job{Kind: jobs.Deliver, ObjectID: f.row.ID, Destination: destination, Priority: p}); err != nil {
			return err
		}
	}
	return nil
}

// noJobs, used as a priority, adds objects without jobs and marks their deliveries as skipped.
const noJobs jobs.Priority = -1
