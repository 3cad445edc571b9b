package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
	"dicomnode/internal/archive/lock"
)

// Rebuilt is the result of Rebuild.
type Rebuilt struct {
	Received   int    // images and other objects that were received
	Results    int    // made of them
	Jobs       int    // made for images without a result
	Deliveries int    // to be made again
	Without    int    // files of an earlier release, without purpose and peer: they are kept without a job
	Aside      int    // files that are not complete objects, now in lost+found
	Old        string // path of the old index, "" if there was none
}

// Rebuild creates the index of a directory from its files. No other process may use the
// directory. The old index stays beside the new one. Until Rebuild has returned without an error
// [Open] and [OpenShared] return ErrRebuilding; after an interruption it is called again, and reads
// the same old index. Rows that cannot be derived from files are
// copied from it where it is readable: object numbers, tombstones, manual actions, peers, refusals,
// digests, outcomes and the states of deliveries. Results keep their SOP Instance UIDs and bytes. If
// deliver is true, results are delivered again unless their delivery is known to be done. Each
// image without a result gets one job. Files that the old index does not name are written once
// more, as [Open] does with files without a row; an error of that ends Rebuild. step is called
// after each file.
func Rebuild(ctx context.Context, opt Options, deliver bool, step func()) (r Rebuilt, err error) {
	opt = opt.withDefaults()
	if _, err := os.Stat(opt.Dir); err != nil {
		return r, err
	}
	l, err := lock.Dir(opt.Dir)
	if err != nil {
		return r, err
	}
	if r.Old, err = index.BeginRebuild(opt.Dir); err != nil {
		return r, errors.Join(err, l.Release())
	}
	x, err := index.Open(ctx, opt.Dir, func() error { return nil })
	if err != nil {
		return r, errors.Join(err, l.Release())
	}
	a := &Archive{opt: opt, lock: l, index: x}
	if err = a.openParts(ctx, x, l); err == nil {
		err = a.rebuild(ctx, &r, deliver, step)
	}
	if err == nil {
		err = index.EndRebuild(opt.Dir)
	}
	return r, errors.Join(err, a.Close())
}

func (a *Archive) rebuild(ctx context.Context, r *Rebuilt, deliver bool, step func()) error {
	b := rebuilding{Archive: a, found: r, deliver: deliver, taken: map[int64]bool{}}
	if r.Old != "" {
		b.old = index.Salvage(ctx, r.Old)
	}
	if err := a.index.Update(ctx, b.takeOver); err != nil {
		return fmt.Errorf("take over from the old index: %w", err)
	}
	all, err := b.read(ctx, step)
	if err != nil {
		return err
	}
	for _, f := range all {
		if err := b.enter(ctx, f); err != nil {
			return err
		}
	}
	return a.index.Update(ctx, func(tx index.Tx) error { return b.jobsFor(ctx, tx) })
}

// rebuilding is an archive whose index is being rebuilt.
type rebuilding struct {
	*Archive
	found   *Rebuilt
	deliver bool
	old     index.Salvaged
	taken   map[int64]bool // numbers of the old index that rows of the new one have
}

// takeOver copies from the old index what files do not contain.
func (b *rebuilding) takeOver(tx index.Tx) (err error) {
	if last := b.lastID(); last > 0 {
		err = tx.Skip(last)
	}
	for _, t := range b.old.Tombstones {
		err = errors.Join(err, tx.AddTombstone(t))
	}
	for _, a := range slices.Backward(b.old.Acts) {
		err = errors.Join(err, tx.Note(a))
	}
	for _, p := range b.old.Peers {
		err = errors.Join(err, tx.Saw(p))
	}
	for _, r := range b.old.Refusals {
		err = errors.Join(err, tx.Refuse(r))
	}
	for _, p := range b.old.CommitmentRequests {
		err = errors.Join(err, tx.SetCommitmentRequest(p))
	}
	return err
}

// maxID is the largest number that is taken over: a damaged index may have any.
const maxID = 1 << 53

// lastID is the largest number that an object of the old index had: manual actions and logs name
// objects by their numbers, so that no other object may get one of them.
func (b *rebuilding) lastID() (last int64) {
	ids := []int64{b.old.LastID}
	for _, o := range b.old.Objects {
		ids = append(ids, o.ID)
	}
	for _, a := range b.old.Acts {
		ids = append(ids, ActObjects(a)...)
	}
	for _, id := range ids {
		if id <= maxID {
			last = max(last, id)
		}
	}
	return last
}

// idOf is the number of a row in the old index; 0 if the new index cannot use it.
func (b *rebuilding) idOf(known index.Object) int64 {
	if known.ID < 0 || known.ID > maxID || b.taken[known.ID] {
		return 0
	}
	b.taken[known.ID] = true
	return known.ID
}

// read inspects all files. It returns received objects by time of reception, then results.
func (b *rebuilding) read(ctx context.Context, step func()) (all []found, err error) {
	if _, _, err := b.store.Sweep(); err != nil {
		return nil, err
	}
	err = b.unnamed(ctx, func(name string, hasTombstone bool) error {
		defer step()
		if hasTombstone {
			return b.store.Remove(name)
		}
		f, err := b.inspect(name)
		if errors.Is(err, errNoObject) {
			b.found.Aside++
			_, err = b.store.SetAside(name)
			return err
		}
		if err == nil {
			err = b.secure(&f)
		}
		all = append(all, f)
		return err
	})
	slices.SortStableFunc(all, func(x, y found) int {
		return cmp.Or(cmp.Compare(min(len(x.note.Parent), 1), min(len(y.note.Parent), 1)),
			x.row.Received.Compare(y.row.Received), strings.Compare(x.row.SOPInstanceUID, y.row.SOPInstanceUID))
	})
	return all, err
}

// secure makes a file durable unless the old index names it, so that it was made durable before
// its row: from now on a repeat of its sender is acknowledged.
func (b *rebuilding) secure(f *found) error {
	known := b.known(*f)
	same := known.SHA256 == f.row.SHA256 || known.SHA256 == "" && known.CRC32C == f.row.CRC32C
	if known.Name == f.row.Name && same {
		return nil
	}
	name, err := b.store.Secure(f.row.Name)
	if err != nil {
		return fmt.Errorf("make a found file durable: %w", err)
	}
	f.row.Name = name
	return nil
}

// enter adds the row of a file without a job: whether an image needs one is known only when all
// results have been added.
func (b *rebuilding) enter(ctx context.Context, f found) error {
	known := b.known(f)
	f.id = b.idOf(known)
	entered, err := b.Archive.enter(ctx, f, noJobs)
	switch {
	case err != nil:
		return err
	case !entered:
		b.found.Aside++
		_, err := b.store.SetAside(f.row.Name)
		return err
	case f.note.Parent != "":
		b.found.Results++
	case f.note.Version == "":
		b.found.Without++
	default:
		b.found.Received++
	}
	return b.index.Update(ctx, func(tx index.Tx) error { return b.remember(ctx, tx, f, known) })
}

// known returns the row of a file in the old index; the zero value if there is none.
func (b *rebuilding) known(f found) index.Object {
	i := slices.IndexFunc(b.old.Objects, func(o index.Object) bool {
		return o.SOPInstanceUID == f.row.SOPInstanceUID && o.Version == f.row.Version
	})
	if i < 0 {
		return index.Object{}
	}
	return b.old.Objects[i]
}

// remember copies from the old index the outcome of an object and the states of its deliveries.
func (b *rebuilding) remember(ctx context.Context, tx index.Tx, f found, known index.Object) error {
	versions, err := tx.Versions(f.row.SOPInstanceUID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(versions, func(o index.Object) bool { return o.Version == f.row.Version })
	if i < 0 {
		return nil
	}
	o := versions[i]
	if known.ID != 0 {
		o.Digests, o.Outcome, o.OutcomeAt, o.Quality = known.Digests, known.Outcome, known.OutcomeAt, known.Quality
		if f.note.Version == "" {
			o.Purpose, o.Source, o.Route, o.CallingAE, o.CalledAE, o.Received = known.Purpose, known.Source, known.Route, known.CallingAE, known.CalledAE, known.Received
		}
		if err := tx.Set(o); err != nil {
			return err
		}
	}
	deliveries, err := tx.DeliveriesOf(o.ID)
	if err != nil || !o.SupersededAt.IsZero() {
		return err
	}
	for _, d := range deliveries {
		if err := b.redeliver(ctx, tx, d, known.ID, f.note.Held); err != nil {
			return err
		}
	}
	return nil
}

// redeliver starts a delivery again unless the old index says that it is finished or held. A
// delivery of which the old index says nothing is held if its result was held when it was made.
func (b *rebuilding) redeliver(ctx context.Context, tx index.Tx, d index.Delivery, known int64, held string) error {
	i := slices.IndexFunc(b.old.Deliveries, func(old index.Delivery) bool {
		return known != 0 && old.ObjectID == known && old.Destination == d.Destination
	})
	if i >= 0 {
		old := b.old.Deliveries[i]
		old.ObjectID = d.ObjectID
		if d = old; d.State == index.Delivered || d.State == index.Withdrawn || d.State == index.Refused || d.State == index.Held {
			return tx.SetDelivery(d)
		}
	} else if held != "" {
		return holdDelivery(tx, d.ObjectID, d.Destination, held)
	}
	if !b.deliver {
		d.State = index.Skipped
		return tx.SetDelivery(d)
	}
	d.State = index.Pending
	b.found.Deliveries++
	return errors.Join(tx.SetDelivery(d), b.Archive.jobs.Insert(ctx, tx, jobs.Job{Kind: jobs.Deliver, ObjectID: d.ObjectID, Destination: d.Destination, Priority: jobs.Again}))
}

// jobsFor adds one job for each image without a result.
func (b *rebuilding) jobsFor(ctx context.Context, tx index.Tx) error {
	for last := int64(0); ; {
		page, err := tx.Page(last, 256)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, o := range page {
			last = o.ID
			settled := o.Outcome == Repeated || o.Outcome == Dropped || o.Outcome == Learnt || o.Outcome == NoRoute
			if o.ParentID != 0 || !o.SupersededAt.IsZero() || settled {
				continue
			}
			children, err := tx.Children(o.ID)
			if err != nil {
				return err
			}
			if wanted := jobsFor(o, jobs.Again); len(children) == 0 && len(wanted) > 0 {
				b.found.Jobs++
				if err := b.Archive.jobs.Insert(ctx, tx, wanted...); err != nil {
					return err
				}
			}
		}
	}
}
