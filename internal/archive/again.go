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
)

// handleRepeat handles the arrival of an instance that is already stored as v. It replaces a damaged
// copy by the one that arrived, and adds a missing job.
func (a *Archive) handleRepeat(ctx context.Context, in *arrival, v index.Object, newest, damaged bool) (_ index.Object, err error) {
	other := newest && in.wantsMore(v)
	if other {
		v.Purpose, v.Source, v.CallingAE, v.CalledAE, v.Outcome = in.Purpose, in.Source, in.CallingAE, in.CalledAE, ""
	}
	if damaged || other {
		if v, err = a.replace(in, v, damaged); err != nil {
			return v, err
		}
	}
	if !newest {
		a.opt.Log.Info("object was received before, and a newer version since", "object", v.ID, "peer", in.Source)
		return v, nil
	}
	return v, a.index.Update(ctx, func(tx index.Tx) error { return a.addMissingJob(ctx, tx, in, v.ID) })
}

// wantsMore reports whether a repeated object needs processing that v did not get: it has
// another purpose, or no route matched v and the repeat comes from another sender.
func (in Incoming) wantsMore(v index.Object) bool {
	if in.Purpose == Keep {
		return false
	}
	elsewhere := in.Source != v.Source || in.CallingAE != v.CallingAE || in.CalledAE != v.CalledAE
	return in.Purpose != v.Purpose || v.Outcome == NoRoute && elsewhere
}

// replace stores the data set that arrived in place of v's, in a file whose note describes v.
func (a *Archive) replace(in *arrival, v index.Object, damaged bool) (index.Object, error) {
	old := v.Name
	v, err := a.rewrite(in, v)
	if err != nil {
		return v, err
	}
	err = a.commitFile(&commit{name: v.Name}, func(tx index.Tx) ([]jobs.Job, error) {
		entries, err := a.jobs.Of(context.Background(), tx, v.ID)
		for _, e := range entries {
			if e.State == jobs.Quarantined && err == nil {
				_, err = a.jobs.Retry(context.Background(), tx, e.ID)
			}
		}
		if !damaged && err == nil {
			err = tx.AddTombstone(index.Tombstone{Name: old, Cause: "replaced", At: time.Now()})
		}
		return nil, errors.Join(err, tx.Set(v))
	})
	if err != nil {
		a.forget(v.Name)
		return v, fmt.Errorf("commit object: %w", err)
	}
	if !damaged {
		return v, a.store.Remove(old)
	}
	a.setAside(old, v.ID)
	a.opt.Log.Warn("a damaged object was replaced by the copy its sender repeated", "object", v.ID, "peer", in.Source)
	return v, nil
}

// rewrite stores the data set that arrived in a new file of v.
func (a *Archive) rewrite(in *arrival, v index.Object) (index.Object, error) {
	d, err := a.store.Create()
	if err != nil {
		return v, fmt.Errorf("create file: %w", spaceError(err))
	}
	defer d.Discard()
	v.TransferSyntaxUID, v.CRC32C = in.row.TransferSyntaxUID, in.row.CRC32C
	if v.SHA256, err = in.sha256(); err != nil {
		return v, err
	}
	if _, err = a.writeMeta(d, v, note.Of(v)); err != nil {
		return v, fmt.Errorf("write file meta information: %w", spaceError(err))
	}
	v.DatasetOffset = d.Size()
	if _, err := io.Copy(d, in.dataset()); err != nil {
		return v, fmt.Errorf("write object: %w", spaceError(err))
	}
	v.Size = d.Size()
	if err = d.Sync(); err == nil {
		v.Name, err = d.Keep()
	}
	if err != nil {
		err = fmt.Errorf("keep file: %w", spaceError(err))
	}
	return v, err
}

// setAside moves a damaged file, if it exists, to lost+found for inspection.
func (a *Archive) setAside(name string, object int64) {
	if there, err := existsIn(a.store, name); err != nil || !there {
		return
	}
	if to, err := a.store.SetAside(name); err != nil {
		a.opt.Log.Warn("a damaged file stays where it is", "object", object, "error", err)
	} else {
		a.opt.Log.Warn("a damaged file was set aside", "object", object, "file", to)
	}
}

// addMissingJob adds the job that an object lacks, if it has no result and no pending job of its
// purpose. It reads the row, because a job may have ended since the arrival was compared with it.
func (a *Archive) addMissingJob(ctx context.Context, tx index.Tx, in *arrival, id int64) error {
	v, err := tx.Object(id)
	if err != nil {
		return err
	}
	if in.Purpose == Keep || v.Outcome != "" && v.Outcome != NoRoute && v.Outcome != Kept {
		return nil
	}
	entries, err := a.jobs.Of(ctx, tx, v.ID)
	if err != nil || slices.ContainsFunc(entries, func(e jobs.Entry) bool { return e.Kind == jobs.Kind(v.Purpose) }) {
		return err
	}
	a.opt.Log.Info("object was received before; missing jobs are created", "object", v.ID, "peer", in.Source, "purpose", v.Purpose)
	return a.jobs.Insert(ctx, tx, jobsFor(v, jobs.New)...)
}

// expiry is what tombstones say about the contents of an arrival.
type expiry struct {
	version  int  // the latest with these contents; 0 if none
	latest   int  // the latest version of the instance
	repeated bool // results were made of these contents
}

// outdated reports whether there was a version with these contents and another one since.
func (e expiry) outdated() bool { return e.version > 0 && e.version < e.latest }

// expiryOf compares an arrival with the tombstones of its instance. Their files are gone, so
// only SHA-256 or digests show that contents are the same.
func (a *Archive) expiryOf(ctx context.Context, in *arrival) (e expiry, err error) {
	stones := in.before.tombstones
	if len(stones) == 0 {
		return e, nil
	}
	arrived, err := in.sha256()
	if err != nil {
		return e, err
	}
	if !in.row.Digests.Known() {
		in.row.Digests = a.digestsFrom(ctx, in, stones, arrived)
	}
	for _, b := range stones {
		e.latest = max(e.latest, b.Version)
		if b.SHA256 == arrived || b.Digests.Known() && b.Digests == in.row.Digests {
			e.version, e.repeated = max(e.version, b.Version), e.repeated || len(b.Results) > 0
		}
	}
	return e, nil
}

// digestsFrom returns the digests of an arrival from the tombstone with its SHA-256, or computes
// them if a tombstone has some to compare.
func (a *Archive) digestsFrom(ctx context.Context, in *arrival, stones []index.Tombstone, arrived string) Digests {
	if i := slices.IndexFunc(stones, func(b index.Tombstone) bool { return b.SHA256 == arrived }); i >= 0 {
		return stones[i].Digests
	}
	if !slices.ContainsFunc(stones, func(b index.Tombstone) bool { return b.Digests.Known() }) {
		return Digests{}
	}
	return a.digests(ctx, in)
}

// storeOutdated stores a version again that has expired and that a later one has replaced. It
// gets its number and no job; the later version remains the current one.
func (a *Archive) storeOutdated(in *arrival, e expiry) (index.Object, error) {
	in.row.SupersededAt = time.Now()
	if e.repeated {
		in.row.Outcome, in.row.OutcomeAt = Repeated, time.Now()
	}
	o, err := a.keepNew(in, e.version, false, func(index.Tx, *index.Object) ([]jobs.Job, error) { return nil, nil })
	if err == nil {
		a.opt.Log.Info("object was received before, and a newer version since", "object", o.ID, "peer", o.Source)
	}
	return o, err
}
