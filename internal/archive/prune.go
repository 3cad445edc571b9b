package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"time"

	"dicomnode/internal/archive/hold"
	"dicomnode/internal/archive/index"
)

const (
	// pruneBatch is the greatest number of received objects that one transaction removes.
	pruneBatch = 32
	// keepTombstones is how long tombstones are kept: longer than a sender is expected to
	// repeat an image.
	keepTombstones = 10 * 365 * 24 * time.Hour
)

// holdsName is the folder with the lists of objects that must not expire.
const holdsName = "holds"

// Hold protects objects from Prune in all processes, until the returned function is called or
// this process ends. A removal that has already begun is not stopped: check afterwards that the
// objects exist.
func (a *Archive) Hold(ids ...int64) (release func() error, err error) {
	dir := filepath.Join(a.opt.Dir, holdsName)
	if err = makeDir(dir); err == nil {
		release, err = hold.List(dir, ids...)
	}
	if err != nil {
		return nil, fmt.Errorf("hold objects: %w", err)
	}
	return release, nil
}

// Prune removes objects received before a time, oldest first, each with its results. It keeps
// an object if it or one of its results has a pending or quarantined job, is held for a person
// ([Archive.Held]) or protected by [Archive.Hold]. Tombstones are left, so that a repeated
// object gets no second result. Prune returns the number of removed objects.
func (a *Archive) Prune(ctx context.Context, before time.Time) (removed int, err error) {
	removed, err = a.prune(ctx, before, "expired", func() (bool, error) { return false, nil })
	if err == nil {
		err = a.index.Update(ctx, func(tx index.Tx) error { _, err := tx.DeleteTombstones(time.Now().Add(-keepTombstones)); return err })
	}
	return removed, err
}

// MakeRoom removes objects as Prune does, but of any age, until the file system has the given
// number of free bytes or nothing more can be removed. It returns the number of removed objects
// and the free bytes.
func (a *Archive) MakeRoom(ctx context.Context, free int64) (removed int, have int64, err error) {
	removed, err = a.prune(ctx, time.Unix(0, math.MaxInt64), "room", func() (enough bool, err error) {
		have, err = a.free()
		return have >= free, err
	})
	return removed, have, err
}

// prune removes batches until enough returns true or nothing more can be removed.
func (a *Archive) prune(ctx context.Context, before time.Time, cause string, enough func() (bool, error)) (removed int, err error) {
	if a.lock == nil {
		return 0, errors.New("prune a shared archive")
	}
	for {
		if stop, err := enough(); stop || err != nil {
			return removed, err
		}
		n, err := a.pruneBatch(ctx, before, cause)
		removed += n
		if err != nil {
			return removed, fmt.Errorf("prune: %w", err)
		}
		if n == 0 {
			return removed, nil
		}
	}
}

// pruneBatch removes some objects: first their rows, leaving tombstones in the same
// transaction, then their files. If a crash leaves a file without a row, the next Open finds
// its tombstone and removes it. Each tombstone has the SHA-256 of its object, unless the file
// is damaged.
func (a *Archive) pruneBatch(ctx context.Context, before time.Time, cause string) (removed int, err error) {
	var names []string
	kept, err := hold.Listed(filepath.Join(a.opt.Dir, holdsName))
	if err != nil {
		return 0, fmt.Errorf("read holds: %w", err)
	}
	ids, err := view(ctx, a, func(tx index.Tx) ([]int64, error) { return a.expired(ctx, tx, before, kept) })
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	sums, err := a.unread().SumExpired(ctx, ids)
	if err != nil {
		return 0, err
	}
	err = a.index.Update(ctx, func(tx index.Tx) error {
		names = nil
		sources, err := a.expired(ctx, tx, before, kept)
		for _, id := range sources {
			if err == nil && slices.Contains(ids, id) {
				var more []string
				more, err = replaceByTombstones(tx, id, cause, sums)
				names = append(names, more...)
			}
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	for i, name := range names {
		if err := a.store.Remove(name); err != nil {
			return i, err // or MakeRoom would never free any space
		}
	}
	return len(names), nil
}

// expired lists objects that may be removed. kept are protected by Hold.
func (a *Archive) expired(ctx context.Context, tx index.Tx, before time.Time, kept []int64) ([]int64, error) {
	busy, err := a.jobs.Undone(ctx, tx)
	if err != nil {
		return nil, err
	}
	held, err := tx.Held()
	if err != nil {
		return nil, err
	}
	for _, d := range held {
		busy = append(busy, d.ObjectID)
	}
	return tx.Expired(before, append(busy, kept...), pruneBatch)
}

// replaceByTombstones replaces the rows of an object and its results by tombstones. sums has the SHA-256, by
// file name, of those whose rows have none. It returns the names of their files.
func replaceByTombstones(tx index.Tx, id int64, cause string, sums map[string]string) (names []string, err error) {
	source, err := tx.Object(id)
	if err != nil {
		return nil, err
	}
	children, err := tx.Children(id)
	if err != nil {
		return nil, err
	}
	ids := []int64{id}
	stone := tombstone(source, cause, sums)
	for _, child := range children {
		deliveries, err := tx.DeliveriesOf(child.ID)
		if err != nil {
			return nil, err
		}
		made := index.Result{SOPInstanceUID: child.SOPInstanceUID}
		for _, d := range deliveries {
			made.Destinations = append(made.Destinations, d.Destination)
		}
		stone.Results = append(stone.Results, made)
		ids, names = append(ids, child.ID), append(names, child.Name)
		if err := tx.AddTombstone(tombstone(child, cause, sums)); err != nil {
			return nil, err
		}
	}
	return append(names, source.Name), errors.Join(tx.AddTombstone(stone), tx.Delete(ids...))
}

func tombstone(o index.Object, cause string, sums map[string]string) index.Tombstone {
	return index.Tombstone{SOPInstanceUID: o.SOPInstanceUID, Version: o.Version, Received: o.ParentID == 0, Name: o.Name,
		SHA256: cmp.Or(o.SHA256, sums[o.Name]), Digests: o.Digests, Cause: cause, At: time.Now()}
}
