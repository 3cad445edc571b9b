package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
)

// maxBatch is how many received objects share one transaction at most.
const maxBatch = 64

// commit is a kept file that waits for its row.
type commit struct {
	name  string                             // of the file
	sync  func() error                       // makes its bytes durable; nil when they are
	apply func(index.Tx) ([]jobs.Job, error) // what is to be done once it is committed
	plain bool                               // its file says all that apply does
	done  chan error
}

// commitFile makes a kept file durable and then does apply, in a transaction with
// those of other callers. It does not return early: the outcome must be known. apply
// may be called again after a transaction without effect.
func (a *Archive) commitFile(c *commit, apply func(index.Tx) ([]jobs.Job, error)) error {
	c.apply, c.done = apply, make(chan error, 1)
	a.commits <- c
	return <-c.done
}

// commitLoop commits what waits, in batches that grow while a commit is
// under way.
func (a *Archive) commitLoop() {
	defer a.stopped.Done()
	for c := range a.commits {
		a.commitBatch(a.gather([]*commit{c}))
	}
}

// gather adds what already waits.
func (a *Archive) gather(batch []*commit) []*commit {
	for len(batch) < maxBatch {
		select {
		case c, ok := <-a.commits:
			if !ok {
				return batch
			}
			batch = append(batch, c)
		default:
			return batch
		}
	}
	return batch
}

// commitBatch commits, and tells who waits. What fails together is tried one by one, so
// that nobody is refused for another's file.
func (a *Archive) commitBatch(batch []*commit) {
	err := spaceError(a.commitTogether(batch))
	switch {
	case err == nil:
	case len(batch) == 1:
		batch[0].done <- err
	default:
		for _, c := range batch {
			a.commitBatch([]*commit{c})
		}
	}
}

// commitTogether makes the files durable and, at the same time, prepares the
// transaction; the commit comes after both. Who waits hears of it at once; of an error
// nobody does.
func (a *Archive) commitTogether(batch []*commit) error {
	var synced error
	done := make(chan struct{})
	go func() {
		defer close(done)
		synced = a.syncFiles(batch)
	}()
	failed, told := make([]error, len(batch)), false
	update := a.index.Update
	if !slices.ContainsFunc(batch, func(c *commit) bool { return !c.plain }) {
		update = a.index.UpdateUnsynced // Open adopts the file of a row that a power cut took
	}
	ctx := context.Background()
	err := update(ctx, func(tx index.Tx) error {
		tx.BeforeCommit(func() error { <-done; return synced })
		tx.OnCommit(func() {
			told = true
			for i, c := range batch {
				c.done <- failed[i]
			}
		})
		wanted, err := applyAll(tx, batch, failed)
		if err == nil && len(wanted) > 0 { // jobs are inserted together: one by one they cost more than the rows
			err = a.jobs.Insert(ctx, tx, wanted...)
		}
		return err
	})
	<-done
	if told {
		return nil
	}
	return err
}

// syncFiles makes the names of files durable and, at the same time, their bytes where
// they are not yet.
func (a *Archive) syncFiles(batch []*commit) error {
	names := make([]string, len(batch))
	for i, c := range batch {
		names[i] = c.name
	}
	err := a.store.Sync(names...)
	for _, c := range batch {
		if c.sync != nil {
			err = errors.Join(err, c.sync()) // they have begun
		}
	}
	return err
}

// applyAll does what each of the batch wants and returns the jobs that follow. What a
// commit fails with alone is in failed.
func applyAll(tx index.Tx, batch []*commit, failed []error) (wanted []jobs.Job, err error) {
	for i, c := range batch {
		more, err := c.apply(tx)
		if failed[i] = err; err != nil && !errors.Is(err, index.ErrExists) {
			return nil, err
		}
		wanted = append(wanted, more...)
	}
	return wanted, nil
}

// forget removes the file of an object that could not be committed, unless the
// index says, or cannot say, that it was after all.
func (a *Archive) forget(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	// An update waits for the one that failed, which may be uncertain still.
	unnamed := func(tx index.Tx) error {
		named, err := tx.Named([]string{name})
		if err == nil && named[name] {
			err = errors.New("it was committed")
		}
		return err
	}
	err := a.index.Update(ctx, func(tx index.Tx) error {
		if err := unnamed(tx); err != nil {
			return err
		}
		return tx.Bury(index.Tombstone{Name: name, Cause: "not acknowledged", At: time.Now()})
	})
	if isFull(err) { // there is no room for a tombstone: a kill before the next line leaves a file to adopt
		err = a.index.Update(ctx, unnamed)
	}
	if err == nil {
		err = a.store.Remove(name)
	}
	if err != nil {
		a.opt.Log.Warn("the file of a refused object stays until the next start", "error", err)
	}
}

// spaceError makes an error that means "the disk is full" ErrNoSpace.
func spaceError(err error) error {
	if isFull(err) && !errors.Is(err, ErrNoSpace) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}
