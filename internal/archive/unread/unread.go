// Package unread computes the SHA-256 of objects whose rows have none, because no job has read
// them yet: when the archive is idle, and before they are removed.
package unread

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dicomnode/internal/archive/index"
)

// Objects are the objects of an archive.
type Objects struct {
	Index index.Index
	// Read reads the file of an object to its end and returns the SHA-256 of the data set, unless
	// stop returns an error, which it returns.
	Read     func(o index.Object, stop func() error) (sha256 string, err error)
	Log      *slog.Logger
	Activity *Activity
	After    time.Duration // how long nothing must have happened before the archive is idle
}

// SumWhenIdle computes the SHA-256 of objects one at a time while the archive is idle, until ctx
// ends: of all objects once, and of new ones. It looks for them at intervals. An object that
// cannot be read is tried again after the next start.
func (u Objects) SumWhenIdle(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for last := int64(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for u.Activity.Idle(u.After) {
			next, err := u.SumPage(ctx, last)
			if next == last || ctx.Err() != nil {
				break
			}
			if last = next; err != nil {
				u.Log.Warn("checksums of objects are not kept", "error", err)
				break
			}
		}
	}
}

// page is how many rows are read at a time.
const page = 64

// SumPage computes the SHA-256 of the next objects after an id, while the archive is idle. It
// returns the id of the last object that was read or needs nothing.
func (u Objects) SumPage(ctx context.Context, after int64) (last int64, err error) {
	var rows []index.Object
	err = u.Index.View(ctx, func(tx index.Tx) (err error) { rows, err = tx.Page(after, page); return err })
	if last = after; err != nil {
		return last, err
	}
	var summed []index.Object
	for _, o := range rows {
		if o.SHA256 == "" {
			if o.SHA256, err = u.readIdle(ctx, o); errors.Is(err, errBusy) || ctx.Err() != nil {
				break
			}
			u.report(ctx, o, err)
			summed = append(summed, o)
		}
		last = o.ID
	}
	return last, u.Keep(ctx, summed)
}

// errBusy says that an object arrived or an image was segmented in the meantime.
var errBusy = errors.New("the archive is no longer idle")

// readIdle returns the SHA-256 of an object; errBusy if the archive does not stay idle.
func (u Objects) readIdle(ctx context.Context, o index.Object) (sha256 string, err error) {
	return u.Read(o, func() error {
		if !u.Activity.Idle(u.After) {
			return errBusy
		}
		return ctx.Err()
	})
}

// report logs the error of reading an object. Objects that were removed or replaced in the
// meantime are not reported.
func (u Objects) report(ctx context.Context, o index.Object, err error) {
	if err == nil {
		return
	}
	_ = u.Index.View(ctx, func(tx index.Tx) error {
		now, gone := tx.Object(o.ID)
		if gone == nil && now.Name == o.Name {
			u.Log.Error("a stored object cannot be read", "object", o.ID, "error", err, "hint", "its sender can send it again")
		}
		return nil
	})
}

// SumExpired returns the SHA-256, by file name, of those objects that are about to be removed,
// and of their results, whose rows have none. Files that cannot be read are left out: they are
// removed nevertheless.
func (u Objects) SumExpired(ctx context.Context, ids []int64) (map[string]string, error) {
	var all []index.Object
	err := u.Index.View(ctx, func(tx index.Tx) error {
		for _, id := range ids {
			o, err := tx.Object(id)
			if errors.Is(err, index.ErrNotFound) {
				continue // somebody else has removed it
			}
			children, cerr := tx.Children(id)
			if err := errors.Join(err, cerr); err != nil {
				return err
			}
			all = append(append(all, o), children...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for _, o := range all {
		if o.SHA256 != "" {
			continue
		}
		sum, err := u.Read(o, ctx.Err)
		if ctx.Err() != nil {
			return nil, err
		}
		if err == nil {
			sums[o.Name] = sum
		}
		u.report(ctx, o, err)
	}
	return sums, nil
}

// Keep stores the SHA-256 of objects whose rows have none and still have the same file. Objects
// without a SHA-256 are left out.
func (u Objects) Keep(ctx context.Context, summed []index.Object) error {
	known := summed[:0:0]
	for _, o := range summed {
		if o.SHA256 != "" {
			known = append(known, o)
		}
	}
	if len(known) == 0 {
		return nil
	}
	return u.Index.UpdateUnsynced(ctx, func(tx index.Tx) error { // reading the files again would give the same
		for _, o := range known {
			row, err := tx.Object(o.ID)
			if errors.Is(err, index.ErrNotFound) {
				continue
			}
			if err == nil && row.SHA256 == "" && row.Name == o.Name {
				row.SHA256 = o.SHA256
				err = tx.Set(row)
			}
			if err != nil {
				return fmt.Errorf("object %d: %w", o.ID, err)
			}
		}
		return nil
	})
}
