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
		if in.before.versions, err = tx.Versions(in.SOPInstanceUID); err == nil {
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
		return a.storeNew(ctx, in)
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
			return a.handleRepeat(ctx, in, v, isCurrent(v, newest), damaged)
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
	gone, err := a.expiryOf(ctx, in)
	if err != nil {
		return newest, err
	}
	for _, v := range slices.Backward(versions) {
		if have.Known() && v.Digests == have || v.Version == gone.version {
			damaged, err := a.damaged(ctx, v)
			if err != nil {
				return v, err
			}
			return a.handleRepeat(ctx, in, v, isCurrent(v, newest), damaged)
		}
	}
	gone.latest = max(gone.latest, newest.Version)
	switch {
	case gone.outdated():
		return a.storeOutdated(in, gone)
	case gone.version > 0:
		return a.keepVersion(in, newest, gone, "it is the latest version, which had expired")
	case !have.Known() || !newest.Digests.Known():
		return a.keepVersion(in, newest, gone, "its contents cannot be compared with what is stored")
	case have.Pixels == newest.Digests.Pixels && have.Meaning == newest.Digests.Meaning:
		return a.keepVersion(in, newest, gone, "patient, study or references were corrected")
	}
	return index.Object{}, ErrDuplicate
}

// isCurrent reports whether v is the newest version that is stored, and no later one was.
func isCurrent(v, newest index.Object) bool { return v.ID == newest.ID && v.SupersededAt.IsZero() }

// storeNew stores an instance that is not in the archive. If tombstones show that its contents
// were stored earlier and results were made of them, it gets no second result.
func (a *Archive) storeNew(ctx context.Context, in *arrival) (index.Object, error) {
	gone, err := a.expiryOf(ctx, in)
	if err != nil {
		return index.Object{}, err
	}
	if gone.outdated() {
		return a.storeOutdated(in, gone)
	}
	switch {
	case gone.repeated:
		in.row.Outcome, in.row.OutcomeAt = Repeated, time.Now()
	case in.Purpose == Segment && in.Unrouted != nil && in.Unrouted(a.object(in.row)):
		in.row.Outcome, in.row.OutcomeAt = NoRoute, time.Now()
	}
	o, err := a.keepNew(in, gone.latest+1, gone.latest == 0, func(_ index.Tx, o *index.Object) ([]jobs.Job, error) {
		if o.Outcome != "" {
			return nil, nil
		}
		return jobsFor(*o, jobs.New), nil
	})
	if err == nil && gone.repeated {
		a.opt.Log.Info("object was received before, and its results were made then", "object", o.ID, "peer", o.Source)
	}
	return o, err
}

// keepVersion stores an arrival as the latest version and cancels the pending jobs of the
// version before. It gets a job unless results were made of its contents before they expired.
func (a *Archive) keepVersion(in *arrival, newest index.Object, gone expiry, why string) (index.Object, error) {
	if gone.repeated {
		in.row.Outcome, in.row.OutcomeAt = Repeated, time.Now()
	}
	var superseded []int64
	o, err := a.keepNew(in, gone.latest+1, false, func(tx index.Tx, o *index.Object) (wanted []jobs.Job, err error) {
		if superseded, err = a.supersede(tx, newest); err != nil || gone.repeated {
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
