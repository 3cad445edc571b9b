package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
)

// before is what the index contains of an instance when it arrives.
type before struct {
	versions   []index.Object // oldest first
	tombstones []index.Tombstone
}

// lookUp reads from the index what it contains of the instance that arrives. The caller must
// hold the lock of the instance, so that concurrent arrivals of it are decided one after the
// other.
func (a *Archive) lookUp(ctx context.Context, in *arrival) error {
	known, err := a.index.Known(ctx, in.SOPInstanceUID)
	if err != nil {
		return fmt.Errorf("look up object: %w", err)
	}
	if !known { // as nearly always: one query instead of a transaction
		return nil
	}
	err = a.index.View(ctx, func(tx index.Tx) (err error) {
		if in.before.versions, err = tx.Versions(in.SOPInstanceUID); err == nil && len(in.before.versions) == 0 {
			in.before.tombstones, err = tx.TombstonesOf(in.SOPInstanceUID)
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("look up object: %w", err)
	}
	return err
}

// decide classifies an arrival and stores it accordingly: a new instance, a repeat, a new
// version, or a different image under a UID that is already used. See
// docs/decisions/0017-the-same-instance-again.md.
func (a *Archive) decide(ctx context.Context, in *arrival) (index.Object, error) {
	versions := in.before.versions
	if len(versions) == 0 {
		return a.storeNew(ctx, in, in.before.tombstones)
	}
	newest := versions[len(versions)-1]
	if newest.SOPClassUID != in.SOPClassUID {
		return index.Object{}, ErrDuplicate
	}
	for _, v := range slices.Backward(versions) {
		same, damaged, err := a.sameBytes(ctx, v, in)
		if err != nil {
			return v, err
		}
		if same {
			return a.handleRepeat(ctx, in, v, v.ID == newest.ID, damaged)
		}
	}
	in.row.Digests = a.digests(ctx, in)
	for i, v := range versions {
		versions[i].Digests = a.digestsOf(ctx, v)
	}
	return a.compare(ctx, in, versions)
}

// compare classifies an arrival whose bytes are not stored yet by its digests.
func (a *Archive) compare(ctx context.Context, in *arrival, versions []index.Object) (index.Object, error) {
	newest, have := versions[len(versions)-1], in.row.Digests
	if have.Known() {
		for _, v := range slices.Backward(versions) {
			if v.Digests == have {
				damaged, err := a.damaged(ctx, v)
				if err != nil {
					return v, err
				}
				return a.handleRepeat(ctx, in, v, v.ID == newest.ID, damaged)
			}
		}
	}
	switch {
	case !have.Known() || !newest.Digests.Known():
		return a.keepVersion(in, newest, "its contents cannot be compared with what is stored")
	case have.Pixels == newest.Digests.Pixels && have.Meaning == newest.Digests.Meaning:
		return a.keepVersion(in, newest, "patient, study or references were corrected")
	}
	return index.Object{}, ErrDuplicate
}

// storeNew stores an instance that is not in the archive. If tombstones show that it was stored
// earlier and results were made, it gets no second result.
func (a *Archive) storeNew(ctx context.Context, in *arrival, tombstones []index.Tombstone) (index.Object, error) {
	version, repeated := 1, false
	for _, b := range tombstones {
		version = max(version, b.Version+1)
	}
	if i := slices.IndexFunc(tombstones, func(b index.Tombstone) bool { return len(b.Results) > 0 }); i >= 0 {
		arrived, err := in.sha256() // its file is gone: only this shows that the bytes are the same
		if err != nil {
			return index.Object{}, err
		}
		if b := tombstones[i]; b.SHA256 != arrived {
			in.row.Digests = a.digests(ctx, in)
			repeated = in.row.Digests.Known() && in.row.Digests == b.Digests
		} else {
			in.row.Digests, repeated = b.Digests, true
		}
	}
	switch {
	case repeated:
		in.row.Outcome, in.row.OutcomeAt = Repeated, time.Now()
	case in.Purpose == Segment && in.Unrouted != nil && in.Unrouted(a.object(in.row)):
		in.row.Outcome, in.row.OutcomeAt = NoRoute, time.Now()
	}
	o, err := a.keepNew(in, version, len(tombstones) == 0, func(_ index.Tx, o *index.Object) ([]jobs.Job, error) {
		if o.Outcome != "" {
			return nil, nil
		}
		return jobsFor(*o, jobs.New), nil
	})
	if err == nil && repeated {
		a.opt.Log.Info("object was received before, and its results were made then", "object", o.ID, "peer", o.Source)
	}
	return o, err
}

// keepVersion stores an arrival as a new version and cancels the pending jobs of the version
// before.
func (a *Archive) keepVersion(in *arrival, newest index.Object, why string) (index.Object, error) {
	var superseded []int64
	o, err := a.keepNew(in, newest.Version+1, false, func(tx index.Tx, o *index.Object) (wanted []jobs.Job, err error) {
		if superseded, err = a.supersede(tx, newest); err != nil {
			return nil, err
		}
		return jobsFor(*o, jobs.New), nil
	})
	if err == nil {
		a.opt.Log.Warn("object is a new version of one that is stored", "object", o.ID, "version", o.Version, "before", newest.ID,
			"peer", o.Source, "reason", why, "superseded_results", superseded)
	}
	return o, err
}

// sameBytes reports whether an arrival has the transfer syntax and the bytes of v, and whether
// the file of v is damaged. Size and CRC-32C only show that bytes differ, because other bytes
// can have the same CRC-32C: SHA-256 decides. If v has none, and is damaged before it was ever
// read, size and CRC-32C decide: then the arrival replaces the file, and nothing was made of
// it.
func (a *Archive) sameBytes(ctx context.Context, v index.Object, in *arrival) (same, damaged bool, err error) {
	length := func(o index.Object) int64 { return o.Size - o.DatasetOffset }
	if v.TransferSyntaxUID != in.TransferSyntaxUID || length(v) != length(in.row) || v.CRC32C != "" && v.CRC32C != in.row.CRC32C {
		return false, false, nil
	}
	arrived, err := in.sha256()
	if err != nil || v.SHA256 != "" && v.SHA256 != arrived {
		return false, false, err
	}
	stored, err := a.verify(ctx, v)
	switch {
	case errors.Is(err, ErrDamaged):
		return v.SHA256 != "" || v.CRC32C != "", true, nil
	case err != nil:
		return false, false, fmt.Errorf("read stored object: %w", err)
	}
	return stored == arrived, false, nil
}

// damaged reports whether the file of v is missing or damaged.
func (a *Archive) damaged(ctx context.Context, v index.Object) (bool, error) {
	_, err := a.verify(ctx, v)
	if err != nil && !errors.Is(err, ErrDamaged) {
		return false, fmt.Errorf("read stored object: %w", err)
	}
	return err != nil, nil
}

// digests computes the digests of an arrival; the zero value if they cannot be computed.
func (a *Archive) digests(ctx context.Context, in *arrival) Digests {
	return a.digest(ctx, 0, io.NewSectionReader(in.draft, 0, in.row.Size), in.row.Size)
}

// digestsOf returns the digests of v from its row, or computes and stores them.
func (a *Archive) digestsOf(ctx context.Context, v index.Object) Digests {
	if v.Digests.Known() {
		return v.Digests
	}
	r, err := a.object(v).Open()
	if err != nil {
		return Digests{}
	}
	defer r.Close()
	d := a.digest(ctx, v.ID, r, r.Size())
	if !d.Known() {
		return d
	}
	err = a.index.Update(ctx, func(tx index.Tx) error {
		row, err := tx.Object(v.ID)
		if err != nil {
			return err
		}
		row.Digests = d
		return tx.Set(row)
	})
	if err != nil {
		a.opt.Log.Warn("digests of an object are not kept", "object", v.ID, "error", err)
	}
	return d
}

func (a *Archive) digest(ctx context.Context, object int64, r io.Reader, size int64) Digests {
	if a.opt.Digest == nil {
		return Digests{}
	}
	d, err := a.opt.Digest(ctx, r, size)
	if err != nil {
		a.opt.Log.Info("contents of an instance that came again cannot be compared", "object", object, "error", err)
		return Digests{}
	}
	return d
}

// keyedMutex is a set of mutexes, one for each key.
type keyedMutex struct {
	mu    sync.Mutex
	locks map[string]*keyLock
}

type keyLock struct {
	sync.Mutex
	users int
}

// lock locks the mutex of a key and returns the function that unlocks it.
func (k *keyedMutex) lock(key string) (unlock func()) {
	k.mu.Lock()
	if k.locks == nil {
		k.locks = map[string]*keyLock{}
	}
	l := k.locks[key]
	if l == nil {
		l = &keyLock{}
		k.locks[key] = l
	}
	l.users++
	k.mu.Unlock()
	l.Lock()
	return func() {
		l.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.locks, key)
		}
	}
}
