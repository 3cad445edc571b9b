package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
	"dicomnode/internal/archive/note"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// reconcile makes files and rows agree after whatever ended the last run: drafts
// are discarded, files that a tombstone names are removed, and every other file
// that no row names is adopted or set aside.
func (a *Archive) reconcile(ctx context.Context) error {
	discarded, aside, err := a.store.Sweep()
	if err != nil {
		return err
	}
	var adopted, removed int
	err = a.unnamed(ctx, func(name string, buried bool) error {
		if buried {
			removed++
			return a.store.Remove(name)
		}
		ok, err := a.adopt(ctx, name)
		if ok {
			adopted++
		} else if err == nil {
			aside++
		}
		return err
	})
	if discarded+removed > 0 {
		a.opt.Log.Info("removed unfinished and expired files", "unfinished", discarded, "expired", removed)
	}
	if adopted > 0 {
		a.opt.Log.Warn("adopted files that the index did not name", "files", adopted)
	}
	if aside > 0 {
		a.opt.Log.Warn("set files aside that are no objects of this archive", "files", aside, "folder", "lost+found")
	}
	if err != nil {
		return err
	}
	if err := a.mendJobs(ctx); err != nil {
		return err
	}
	back, err := a.cameBack(ctx)
	if len(back) > 0 {
		a.opt.Log.Error("erased objects are back", "objects", len(back), "hint", "dicomnode archive erase --again removes them")
	}
	return err
}

// mendJobs makes the jobs that rows ask for and the queue does not have: rows and
// jobs change together, so they can only be lost by damage.
func (a *Archive) mendJobs(ctx context.Context) error {
	n := 0
	err := a.index.Update(ctx, func(tx index.Tx) error {
		n = 0
		entries, err := a.jobs.List(ctx)
		if err != nil {
			return garbled(ctx, err)
		}
		have := map[jobs.Job]bool{}
		for _, e := range entries {
			e.Priority = 0
			have[e.Job] = true
		}
		wanted, err := wantedJobs(tx)
		if err != nil {
			return err
		}
		for _, j := range wanted {
			if !have[j] {
				n++
				if err := a.jobs.Insert(ctx, tx, j); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if n > 0 {
		a.opt.Log.Warn("jobs that the queue had lost are made again", "jobs", n)
	}
	return err
}

// wantedJobs are the jobs of what has no outcome and of what is not delivered.
func wantedJobs(tx index.Tx) (all []jobs.Job, err error) {
	objects, err := tx.Unsettled()
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		all = append(all, jobsFor(o, 0)...)
	}
	deliveries, err := tx.Undelivered()
	if err != nil {
		return nil, err
	}
	for _, d := range deliveries {
		o, err := tx.Object(d.ObjectID)
		if errors.Is(err, ErrNotFound) || err == nil && !o.SupersededAt.IsZero() {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, jobs.Job{Kind: jobs.Deliver, ObjectID: d.ObjectID, Destination: d.Destination})
	}
	return all, nil
}

// unnamed calls visit with every file that no row names.
func (a *Archive) unnamed(ctx context.Context, visit func(name string, buried bool) error) error {
	return a.store.List(func(names []string) error {
		var named, buried map[string]bool
		err := a.index.View(ctx, func(tx index.Tx) (err error) {
			if named, err = tx.Named(names); err == nil && len(named) < len(names) {
				buried, err = tx.BuriedFiles(names)
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, name := range names {
			if named[name] {
				continue
			}
			if err := visit(name, buried[name]); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}

// adopt gives a file its row, if it is a whole object that has none, and sets it
// aside otherwise.
func (a *Archive) adopt(ctx context.Context, name string) (adopted bool, err error) {
	f, err := a.inspect(name)
	if err == nil {
		adopted, err = a.enter(ctx, f, jobs.New)
	}
	if err == nil && adopted {
		return true, nil
	}
	if err != nil && !errors.Is(err, errNoObject) {
		return false, err
	}
	to, serr := a.store.SetAside(name)
	if serr != nil {
		return false, serr
	}
	a.opt.Log.Warn("a file was set aside", "file", to, "reason", reason(err))
	return false, nil
}

func reason(err error) string {
	if err == nil {
		return "the index has this object in another file"
	}
	return err.Error()
}

// errNoObject says that a file is no whole object.
var errNoObject = errors.New("not a whole object")

// found is a file that is a whole object.
type found struct {
	row  index.Object
	note note.Note // the zero value when it has none
}

// inspect reads a file whole. errNoObject says what it is not; any other error is
// the disk's.
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
	sum := sha256.New()
	data := io.NewSectionReader(file, head.DatasetOffset, file.Size()-head.DatasetOffset)
	scanned, err := part10.Scan(io.TeeReader(data, sum), head.TransferSyntaxUID)
	if err != nil {
		return f, fmt.Errorf("%w: %w", errNoObject, err)
	}
	if !uid.Valid(head.SOPClassUID) || !uid.Valid(head.SOPInstanceUID) {
		return f, fmt.Errorf("%w: it has no SOP instance", errNoObject)
	}
	describe(&f.row, scanned)
	f.row.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if f.note.Version != "" {
		if f.note.SHA256 != f.row.SHA256 {
			return f, fmt.Errorf("%w: its bytes have changed", errNoObject)
		}
		f.note.Describe(&f.row)
	}
	return f, nil
}

// enter gives a found object its row and jobs; false when it has no place.
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

// returnFile gives a row its file back, when the one it names is missing or
// damaged and this one is what it was.
func (a *Archive) returnFile(ctx context.Context, tx index.Tx, v index.Object, f found) (bool, error) {
	if _, err := a.verify(ctx, v); !errors.Is(err, ErrDamaged) {
		return false, err
	}
	if v.SHA256 != "" && v.SHA256 != f.row.SHA256 {
		return false, nil
	}
	v.Name, v.Size, v.DatasetOffset, v.TransferSyntaxUID = f.row.Name, f.row.Size, f.row.DatasetOffset, f.row.TransferSyntaxUID
	return true, tx.Set(v)
}

// enterReceived adds the row of a received object and its job, unless results
// were made of it before it was removed.
func (a *Archive) enterReceived(ctx context.Context, tx index.Tx, f found, versions []index.Object, p jobs.Priority) error {
	buried, err := tx.BuriedInstance(f.row.SOPInstanceUID)
	if err != nil {
		return err
	}
	for _, b := range buried {
		if b.SHA256 == f.row.SHA256 && len(b.Results) > 0 {
			f.row.Outcome, f.row.OutcomeAt, f.row.Digests = Repeated, time.Now(), b.Digests
		}
	}
	newer := len(versions) > 0 && versions[len(versions)-1].Version > f.row.Version
	if newer {
		f.row.SupersededAt = time.Now()
	}
	if f.row.ID, err = tx.Add(f.row); err != nil {
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

// enterResult adds the row of a result, its deliveries and their jobs. It has no
// place while the job that made it is to be done again.
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
		if f.row.ID, err = tx.Add(f.row); err != nil {
			return false, err
		}
		v.Outcome, v.OutcomeAt = Segmented, time.Now()
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
		if err := a.jobs.Insert(ctx, tx, jobs.Job{Kind: jobs.Deliver, ObjectID: f.row.ID, Destination: destination, Priority: p}); err != nil {
			return err
		}
	}
	return nil
}

// noJobs as a priority enters objects without jobs, and deliveries that nobody
// makes.
const noJobs jobs.Priority = -1

// settleDeliveries gives deliveries of a release that did not note their state the
// one that their jobs tell, and their images an outcome.
func (a *Archive) settleDeliveries(ctx context.Context) error {
	return a.index.Update(ctx, func(tx index.Tx) error {
		for last := int64(0); ; {
			page, err := tx.Page(last, 256)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, o := range page {
				if err := a.settleOld(ctx, tx, o); err != nil {
					return err
				}
			}
			last = page[len(page)-1].ID
		}
	})
}

func (a *Archive) settleOld(ctx context.Context, tx index.Tx, o index.Object) error {
	entries, err := a.jobs.Of(ctx, tx, o.ID)
	if err != nil {
		return err
	}
	if o.ParentID == 0 {
		children, err := tx.Children(o.ID)
		if err != nil || len(entries) > 0 {
			return err
		}
		outcome := map[Purpose]string{Segment: NoRoute, Dark: Learnt, Keep: Kept}[o.Purpose]
		if len(children) > 0 {
			outcome = Segmented
		}
		return settleOutcome(tx, o.ID, outcome, nil)
	}
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
			d.State = index.Delivered // or dropped by hand: that was not noted
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

// sumOld computes the sums of objects of an older release, one after the other,
// so that damage to them is noticed from now on.
func (a *Archive) sumOld(ctx context.Context) {
	for last := int64(0); ctx.Err() == nil; {
		page, err := view(ctx, a, func(tx index.Tx) ([]index.Object, error) { return tx.Page(last, 256) })
		if err != nil || len(page) == 0 {
			return
		}
		for _, o := range page {
			if last = o.ID; o.SHA256 != "" {
				continue
			}
			if sum, err := a.verify(ctx, o); err == nil {
				_ = a.index.Update(ctx, func(tx index.Tx) error { // the next start tries again
					row, err := tx.Object(o.ID)
					if err != nil || row.SHA256 != "" {
						return err
					}
					row.SHA256 = sum
					return tx.Set(row)
				})
			}
		}
	}
}
