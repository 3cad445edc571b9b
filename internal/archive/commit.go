package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"
)

// maxBatch is how many received objects share one transaction at most.
const maxBatch = 64

// commit is a received object whose file has its final name and waits for its
// row and job.
type commit struct {
	object Object
	added  bool // false: the SOP instance was there already
	done   chan error
}

// commitObject makes o's row and job durable, together with those of other
// callers, and returns o with its id; false when its SOP instance was there
// already. It does not return early: the outcome must be known.
func (a *Archive) commitObject(o Object) (Object, bool, error) {
	c := &commit{object: o, done: make(chan error, 1)}
	a.commits <- c
	err := <-c.done
	return c.object, c.added, err
}

// commitLoop commits what waits, in batches that grow while a commit is
// under way.
func (a *Archive) commitLoop() {
	defer a.stopped.Done()
	for c := range a.commits {
		batch := a.gather([]*commit{c})
		err := spaceError(a.commitBatch(batch))
		for _, c := range batch {
			c.done <- err
		}
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

// commitBatch syncs the folders and, at the same time, prepares the
// transaction; the commit comes after both.
func (a *Archive) commitBatch(batch []*commit) error {
	ctx := context.Background()
	synced := make(chan error, 1)
	go func() { synced <- syncFolders(batch) }()
	var queues []string
	err := inTx(ctx, a.write, func(tx *sql.Tx) error {
		jobs, err := a.addBatch(ctx, tx, batch)
		if serr := <-synced; err == nil {
			err = serr
		}
		if err != nil || len(jobs) == 0 {
			return err
		}
		for _, j := range jobs {
			queues = append(queues, j.InsertOpts.Queue)
		}
		_, err = a.insert.InsertManyTx(ctx, tx, jobs)
		return err
	})
	if err == nil {
		a.bell.ring(queues...)
	}
	return err
}

// addBatch inserts the rows and returns the jobs they need.
func (a *Archive) addBatch(ctx context.Context, tx *sql.Tx, batch []*commit) (jobs []river.InsertManyParams, err error) {
	for _, c := range batch {
		id, err := a.add(ctx, tx, c.object)
		if err != nil {
			return nil, fmt.Errorf("insert object: %w", err)
		}
		c.object.ID, c.added = id, id != 0
		if c.added {
			jobs = append(jobs, a.jobsFor(c.object)...)
		}
	}
	return jobs, nil
}

// syncFolders makes the names of the batch durable, each folder once.
func syncFolders(batch []*commit) error {
	seen := map[string]bool{}
	var g errgroup.Group
	for _, c := range batch {
		if dir := filepath.Dir(c.object.path); !seen[dir] {
			seen[dir] = true
			g.Go(func() error { return syncDir(dir) })
		}
	}
	return g.Wait()
}

// forget removes the file of an object that could not be committed, unless
// the database says, or cannot say, that it was after all.
func (a *Archive) forget(o Object) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	have, err := a.find(ctx, a.write, o.SOPInstanceUID)
	if errors.Is(err, ErrNotFound) || err == nil && have.path != o.path {
		os.Remove(o.path)
	}
}
