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
	"dicomnode/internal/archive/note"
)

// decide says what an arrival is: a new instance, one that is stored already, a
// new version of one, or another image under a UID that is taken. See
// docs/decisions/0017-the-same-instance-again.md.
func (a *Archive) decide(ctx context.Context, in *arrival) (index.Object, error) {
	var buried []index.Tombstone
	versions, err := view(ctx, a, func(tx index.Tx) (all []index.Object, err error) {
		if all, err = tx.Versions(in.SOPInstanceUID); err == nil && len(all) == 0 {
			buried, err = tx.BuriedInstance(in.SOPInstanceUID)
		}
		return all, err
	})
	if err != nil {
		return index.Object{}, fmt.Errorf("look up object: %w", err)
	}
	if len(versions) == 0 {
		return a.first(ctx, in, buried)
	}
	newest := versions[len(versions)-1]
	if newest.SOPClassUID != in.SOPClassUID {
		return index.Object{}, ErrDuplicate
	}
	for _, v := range slices.Backward(versions) {
		if a.sameBytes(v, in) {
			return a.again(ctx, in, v, v.ID == newest.ID)
		}
	}
	in.row.Digests = a.digests(ctx, in)
	for i, v := range versions {
		versions[i].Digests = a.digestsOf(ctx, v)
	}
	return a.compare(ctx, in, versions)
}

// compare decides about an arrival whose bytes are new by its digests.
func (a *Archive) compare(ctx context.Context, in *arrival, versions []index.Object) (index.Object, error) {
	newest, have := versions[len(versions)-1], in.row.Digests
	if have.Known() {
		for _, v := range slices.Backward(versions) {
			if v.Digests == have {
				return a.again(ctx, in, v, v.ID == newest.ID)
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

// first keeps an instance that is not stored. One that was stored before, as its
// tombstones say, and whose results went out then, gets no second result.
func (a *Archive) first(ctx context.Context, in *arrival, buried []index.Tombstone) (index.Object, error) {
	version, repeated := 1, false
	for _, b := range buried {
		version = max(version, b.Version+1)
	}
	if i := slices.IndexFunc(buried, func(b index.Tombstone) bool { return len(b.Results) > 0 }); i >= 0 {
		if b := buried[i]; b.SHA256 != in.row.SHA256 {
			in.row.Digests = a.digests(ctx, in)
			repeated = in.row.Digests.Known() && in.row.Digests == b.Digests
		} else {
			in.row.Digests, repeated = b.Digests, true
		}
	}
	if repeated {
		in.row.Outcome, in.row.OutcomeAt = Repeated, time.Now()
	}
	o, err := a.keepNew(in, version, func(_ index.Tx, o *index.Object) ([]jobs.Job, error) {
		if repeated {
			return nil, nil
		}
		return jobsFor(*o, jobs.New), nil
	})
	if err == nil && repeated {
		a.opt.Log.Info("object was received before, and its results were made then", "object", o.ID, "peer", o.Source)
	}
	return o, err
}

// keepVersion keeps an arrival beside what is stored. What was to be done about
// the versions before is not done any more.
func (a *Archive) keepVersion(in *arrival, newest index.Object, why string) (index.Object, error) {
	var superseded []int64
	o, err := a.keepNew(in, newest.Version+1, func(tx index.Tx, o *index.Object) (wanted []jobs.Job, err error) {
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

// supersede marks a version and what was made of it, gives up what is still to be
// done about them, and returns the ids of the results.
func (a *Archive) supersede(tx index.Tx, old index.Object) (results []int64, err error) {
	now := time.Now()
	children, err := tx.Children(old.ID)
	if err != nil {
		return nil, err
	}
	all := []int64{old.ID}
	for _, o := range append(children, old) {
		if o.SupersededAt = now; o.ID != old.ID {
			all, results = append(all, o.ID), append(results, o.ID)
		}
		if err := tx.Set(o); err != nil {
			return nil, err
		}
	}
	entries, err := a.jobs.Of(context.Background(), tx, all...)
	if err != nil {
		return nil, err
	}
	return results, a.withdraw(tx, entries)
}

// withdraw drops jobs that do not run, and says so of their deliveries.
func (a *Archive) withdraw(tx index.Tx, entries []jobs.Entry) error {
	ids := make([]int64, 0, len(entries))
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	if len(ids) == 0 {
		return nil
	}
	dropped, err := a.jobs.Drop(context.Background(), tx, ids...)
	if err != nil {
		return err
	}
	return markDeliveries(tx, dropped, index.Withdrawn)
}

// markDeliveries gives the deliveries of dropped jobs a state.
func markDeliveries(tx index.Tx, dropped []jobs.Entry, state index.DeliveryState) error {
	for _, e := range dropped {
		if e.Kind != jobs.Deliver {
			continue
		}
		err := setDelivery(tx, e.ObjectID, e.Destination, func(d *index.Delivery) { d.State = state })
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

// setDelivery changes one delivery.
func setDelivery(tx index.Tx, object int64, destination string, change func(*index.Delivery)) error {
	all, err := tx.DeliveriesOf(object)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(d index.Delivery) bool { return d.Destination == destination })
	if i < 0 {
		return ErrNotFound
	}
	all[i].At = time.Now()
	change(&all[i])
	return tx.SetDelivery(all[i])
}

// again answers for an instance that is stored already as v. A stored copy that
// is damaged is replaced by the one that arrived; a job that is missing is made.
func (a *Archive) again(ctx context.Context, in *arrival, v index.Object, newest bool) (index.Object, error) {
	_, err := a.verify(ctx, v)
	damaged := errors.Is(err, ErrDamaged)
	if err != nil && !damaged {
		return v, fmt.Errorf("read stored object: %w", err)
	}
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
	return v, a.index.Update(ctx, func(tx index.Tx) error { return a.renew(ctx, tx, in, v) })
}

// wantsMore tells whether a repeat asks for what was not done about v: it has another
// purpose, or comes from somewhere else when no route took v from where it came first.
func (in Incoming) wantsMore(v index.Object) bool {
	if in.Purpose == Keep {
		return false
	}
	elsewhere := in.Source != v.Source || in.CallingAE != v.CallingAE || in.CalledAE != v.CalledAE
	return in.Purpose != v.Purpose || v.Outcome == NoRoute && elsewhere
}

// replace puts the data set that arrived in the place of v's, in a file whose
// note says what v says.
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
			err = tx.Bury(index.Tombstone{Name: old, Cause: "replaced", At: time.Now()})
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

// rewrite keeps the data set that arrived in a new file of v.
func (a *Archive) rewrite(in *arrival, v index.Object) (index.Object, error) {
	d, err := a.store.Create()
	if err != nil {
		return v, fmt.Errorf("create file: %w", spaceError(err))
	}
	defer d.Discard()
	v.TransferSyntaxUID, v.SHA256 = in.row.TransferSyntaxUID, in.row.SHA256
	sumAt, err := a.writeMeta(d, v, note.Of(v))
	if err != nil {
		return v, fmt.Errorf("write file meta information: %w", spaceError(err))
	}
	v.DatasetOffset = d.Size()
	if _, err := io.Copy(d, io.NewSectionReader(in.draft, in.row.DatasetOffset, in.row.Size-in.row.DatasetOffset)); err != nil {
		return v, fmt.Errorf("write object: %w", spaceError(err))
	}
	v.Size = d.Size()
	if err := a.seal(d, sumAt, v.SHA256); err != nil {
		return v, err
	}
	if err = d.Sync(); err == nil {
		v.Name, err = d.Keep()
	}
	if err != nil {
		err = fmt.Errorf("keep file: %w", spaceError(err))
	}
	return v, err
}

// setAside moves a damaged file, if it is there, where it can be looked at.
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

// renew makes the job that v lacks: nothing was made of it, and nothing is about
// to be.
func (a *Archive) renew(ctx context.Context, tx index.Tx, in *arrival, v index.Object) error {
	if in.Purpose == Keep || v.Outcome != "" && v.Outcome != NoRoute && v.Outcome != Kept {
		return nil
	}
	entries, err := a.jobs.Of(ctx, tx, v.ID)
	if err != nil || slices.ContainsFunc(entries, func(e jobs.Entry) bool { return e.Kind == jobs.Kind(v.Purpose) }) {
		return err
	}
	a.opt.Log.Info("object was received before; what is missing is done now", "object", v.ID, "peer", in.Source, "purpose", v.Purpose)
	return a.jobs.Insert(ctx, tx, jobsFor(v, jobs.New)...)
}

// sameBytes tells whether an arrival is v in the same encoding, as far as the
// sums tell.
func (a *Archive) sameBytes(v index.Object, in *arrival) bool {
	sum := v.SHA256
	if sum == "" { // of an older release
		sum, _ = a.verify(context.Background(), v)
	}
	return v.TransferSyntaxUID == in.TransferSyntaxUID && sum == in.row.SHA256
}

// digests of an arrival; the zero value when they cannot be computed.
func (a *Archive) digests(ctx context.Context, in *arrival) Digests {
	return a.digest(ctx, 0, io.NewSectionReader(in.draft, 0, in.row.Size), in.row.Size)
}

// digestsOf v, kept or computed.
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

// keyed is a lock for each key.
type keyed struct {
	mu    sync.Mutex
	locks map[string]*keyLock
}

type keyLock struct {
	sync.Mutex
	users int
}

// lock waits for a key and returns what gives it back.
func (k *keyed) lock(key string) (unlock func()) {
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
