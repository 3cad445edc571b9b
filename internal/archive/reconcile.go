package archive

import (
	"context"
	"errors"
	"slices"
	"sync"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
)

// reconcile makes files and rows consistent after a crash: it discards drafts, removes files
// that a tombstone names, and adopts every other file without a row or moves it to lost+found.
func (a *Archive) reconcile(ctx context.Context) error {
	discarded, aside, err := a.store.Sweep()
	if err != nil {
		return err
	}
	var adopted, removed int
	skip := sync.OnceValue(func() error {
		return a.index.Update(ctx, func(tx index.Tx) error { return tx.Skip(lostIDs) })
	})
	err = a.unnamed(ctx, func(name string, hasTombstone bool) error {
		if hasTombstone {
			removed++
			return a.store.Remove(name)
		}
		if err := skip(); err != nil {
			return err
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
	back, err := a.restoredInstances(ctx)
	if len(back) > 0 {
		a.opt.Log.Error("erased objects are back", "objects", len(back), "hint", "dicomnode archive erase --again removes them")
	}
	return err
}

// lostIDs is the number of ids skipped after a crash. A power failure may have removed the rows
// of the last seconds; their ids are in logs and must not be used again.
const lostIDs = 10000

// mendJobs adds jobs that rows require and the queue lacks. Rows and jobs change in one
// transaction, so a job can be lost only by damage to the database.
func (a *Archive) mendJobs(ctx context.Context) error {
	n := 0
	err := a.index.Update(ctx, func(tx index.Tx) error {
		n = 0
		entries, err := a.jobs.List(ctx)
		if err != nil {
			return asDamagedIndex(ctx, err)
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
		a.opt.Log.Warn("jobs that the queue had lost are created again", "jobs", n)
	}
	return err
}

// wantedJobs returns the jobs of objects without an outcome and of undelivered results.
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

// unnamed calls visit with every file that has no row. buried says that a tombstone names it.
func (a *Archive) unnamed(ctx context.Context, visit func(name string, hasTombstone bool) error) error {
	return a.store.List(func(names []string) error {
		var named, hasTombstone map[string]bool
		err := a.index.View(ctx, func(tx index.Tx) (err error) {
			if named, err = tx.Named(names); err == nil && len(named) < len(names) {
				hasTombstone, err = tx.TombstoneFiles(names)
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
			if err := visit(name, hasTombstone[name]); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}

// adopt adds the row of a file if it is a complete object, and moves it to lost+found
// otherwise.
func (a *Archive) adopt(ctx context.Context, name string) (adopted bool, err error) {
	f, err := a.inspect(name)
	if err == nil { // a repeat of its sender is acknowledged from now on
		name, err = a.store.Secure(name)
		f.row.Name = name
	}
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

// Problem is a finding of Check.
type Problem struct {
	Object int64  `json:"object,omitempty"` // 0 if no row is concerned
	File   string `json:"file,omitempty"`   // name in the store
	What   string `json:"problem"`
}

// Checked counts what Check has read.
type Checked struct {
	Objects  int       `json:"objects"`
	Unsummed int       `json:"without_sum"` // of an earlier release, without a checksum before: earlier damage was not detected
	Problems []Problem `json:"problems"`
}

// Check reads every object and compares it with its row. Files without a row are problems too.
// It changes nothing, except that it adds SHA-256s that are not known yet, and may run beside a
// node; objects that arrive in the meantime are left out. step is called after each object.
func (a *Archive) Check(ctx context.Context, step func()) (c Checked, err error) {
	c.Problems = []Problem{}
	var loose []string
	err = a.unnamed(ctx, func(name string, _ bool) error { loose = append(loose, name); return nil })
	for last := int64(0); err == nil; {
		var page []index.Object
		page, err = view(ctx, a, func(tx index.Tx) ([]index.Object, error) { return tx.Page(last, 256) })
		if err != nil || len(page) == 0 {
			break
		}
		var summed []index.Object
		for _, o := range page {
			last = o.ID
			known := o.SHA256 != ""
			if o.SHA256, err = a.checkObject(ctx, o, &c); err != nil {
				break
			}
			if !known {
				summed = append(summed, o)
			}
			step()
		}
		_ = a.unread().Keep(ctx, summed) // a full disk does not end a check
	}
	if err != nil {
		return c, err
	}
	return c, a.checkLoose(ctx, loose, &c)
}

// checkObject returns the SHA-256 of an object, "" if it is damaged.
func (a *Archive) checkObject(ctx context.Context, o index.Object, c *Checked) (sha256 string, err error) {
	c.Objects++
	if o.CRC32C == "" && o.SHA256 == "" {
		c.Unsummed++
	}
	sha256, err = a.verify(ctx, o)
	if !errors.Is(err, ErrDamaged) {
		return sha256, err
	}
	if _, gone := a.Object(ctx, o.ID); errors.Is(gone, ErrNotFound) {
		return "", nil // expired in the meantime
	}
	c.Problems = append(c.Problems, Problem{Object: o.ID, File: o.Name, What: err.Error()})
	return "", nil
}

// checkLoose looks again at files that had no row: those that were just being stored have one
// by now.
func (a *Archive) checkLoose(ctx context.Context, names []string, c *Checked) error {
	if len(names) == 0 {
		return nil
	}
	for some := range slices.Chunk(names, 256) {
		named, err := view(ctx, a, func(tx index.Tx) (map[string]bool, error) { return tx.Named(some) })
		if err != nil {
			return err
		}
		for _, name := range some {
			if there, err := existsIn(a.store, name); err == nil && there && !named[name] {
				c.Problems = append(c.Problems, Problem{File: name, What: "no row names this file; the next start adopts it or sets it aside"})
			}
		}
	}
	return nil
}
