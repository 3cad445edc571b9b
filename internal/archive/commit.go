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

// maxBatch is the greatest number of received objects in one transaction.
const maxBatch = 64

// commit is a file in the store that has no row yet.
type commit struct {
	name  string                             // of the file
	sync  func() error                       // makes its bytes durable; nil if they already are
	apply func(index.Tx) ([]jobs.Job, error) // changes the index and returns the jobs to add
	plain bool                               // a plain commit can be recovered from its file alone
	done  chan error
}

// commitFile makes a file durable and runs apply in a transaction, which it may share with
// other callers. It always waits, because the caller must know the outcome. If a transaction
// fails, apply may be called again.
func (a *Archive) commitFile(c *commit, apply func(index.Tx) ([]jobs.Job, error)) error {
	c.apply, c.done = apply, make(chan error, 1)
	a.commits <- c
	return <-c.done
}

// commitLoop commits what is queued, in batches. A batch grows while the one before it is being
// committed.
func (a *Archive) commitLoop() {
	defer a.stopped.Done()
	for c := range a.commits {
		a.commitBatch(a.gather([]*commit{c}))
	}
}

// gather adds the queued commits to batch, up to maxBatch.
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

// commitBatch commits a batch and sends each caller the outcome. If the batch fails, its
// commits are tried one by one, so that no object is refused because of another one. What a
// failed sync may have lost fails again, although the disk may report the error once: see
// store.Store and store.Draft.
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

// commitTogether makes the files durable and prepares the transaction in parallel; the
// transaction commits when both are done. On success it sends each caller the outcome as soon
// as the transaction is committed. On error it sends nothing.
func (a *Archive) commitTogether(batch []*commit) error {
	var synced error
	done := make(chan struct{})
	go func() {
		defer close(done)
		synced = a.syncFiles(batch)
	}()
	failed, notified := make([]error, len(batch)), false
	update := a.index.Update
	if !slices.ContainsFunc(batch, func(c *commit) bool { return !c.plain }) {
		update = a.index.UpdateUnsynced // Open adopts the file of a row that a power failure removed
	}
	ctx := context.Background()
	err := update(ctx, func(tx index.Tx) error {
		tx.BeforeCommit(func() error { <-done; return synced })
		tx.OnCommit(func() {
			notified = true
			for i, c := range batch {
				c.done <- failed[i]
			}
		})
		wanted, err := applyAll(tx, batch, failed)
		if err == nil && len(wanted) > 0 { // one insert of all jobs: single inserts cost more than the rows
			err = a.jobs.Insert(ctx, tx, wanted...)
		}
		return err
	})
	<-done
	if notified {
		return nil
	}
	return err
}

// syncFiles makes the names of files durable and, where necessary, their bytes. The bytes are
// already being written.
func (a *Archive) syncFiles(batch []*commit) error {
	names := make([]string, len(batch))
	for i, c := range batch {
		names[i] = c.name
	}
	err := a.store.Sync(names...)
	for _, c := range batch {
		if c.sync != nil {
			err = errors.Join(err, c.sync()) // has been started
		}
	}
	return err
}

// applyAll runs apply of each commit and returns the jobs to add. Errors that concern one
// commit only are stored in failed.
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

// forget removes the file of an object whose commit failed. The file stays if the index names
// it, or cannot be read.
func (a *Archive) forget(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	// The update waits for the failed one, whose outcome may still be unknown.
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
		return tx.AddTombstone(index.Tombstone{Name: name, Cause: "not acknowledged", At: time.Now()})
	})
	if isFull(err) { // no room for a tombstone: after a crash before Remove, Open adopts the file
		err = a.index.Update(ctx, unnamed)
	}
	if err == nil {
		err = a.store.Remove(name)
	}
	if err != nil {
		a.opt.Log.Warn("the file of a refused object stays until the next start", "error", err)
	}
}

// spaceError wraps an error that means "disk full" in ErrNoSpace.
func spaceError(err error) error {
	if isFull(err) && !errors.Is(err, ErrNoSpace) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}
