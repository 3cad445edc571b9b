package archive

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/riverqueue/river"
)

// Archive is an open data directory. Its methods may be called concurrently.
type Archive struct {
	opt    Options
	lock   *os.File // nil when shared
	write  *sql.DB  // one connection
	read   *sql.DB
	insert *river.Client[*sql.Tx] // inserts jobs, works none
	bell   *bell
	free   func(dir string) (int64, error)

	commits chan *commit
	stopped sync.WaitGroup // the committer

	closing sync.RWMutex // held for reading by Receive
	closed  bool
	working sync.Mutex // held by Work
	fresh   *bell      // queues of destinations that Work may not serve yet
}

// Open opens the data directory for this process alone, creating it when
// absent, and removes what an interrupted run left behind. ErrInUse says that
// another process has it.
func Open(ctx context.Context, opt Options) (*Archive, error) {
	opt = opt.withDefaults()
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockDir(opt.Dir)
	if err != nil {
		return nil, err
	}
	if err := makeFolders(opt.Dir); err != nil {
		lock.Close()
		return nil, fmt.Errorf("create folders: %w", err)
	}
	a, err := open(ctx, opt)
	if err != nil {
		lock.Close()
		return nil, err
	}
	a.lock = lock
	if n, err := a.sweep(a.filesIn(ctx)); err != nil {
		return nil, errors.Join(fmt.Errorf("sweep unfinished files: %w", err), a.Close())
	} else if n > 0 {
		opt.Log.Info("removed unfinished files", "files", n)
	}
	a.commits = make(chan *commit, maxBatch)
	a.stopped.Add(1)
	go a.commitLoop()
	return a, nil
}

// OpenShared opens the data directory beside the process that owns it, to look
// at its objects and to change its queue; Receive and Work are refused. The
// directory must exist.
func OpenShared(ctx context.Context, opt Options) (*Archive, error) {
	opt = opt.withDefaults()
	if _, err := os.Stat(filepath.Join(opt.Dir, databaseName)); err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	return open(ctx, opt)
}

func open(ctx context.Context, opt Options) (*Archive, error) {
	write, read, err := openDatabase(ctx, opt.Dir)
	if err != nil {
		return nil, err
	}
	a := &Archive{opt: opt, write: write, read: read, bell: newBell(), fresh: newBell(), free: freeBytes}
	a.insert, err = river.NewClient(newDriver(write, a.bell), &river.Config{Logger: warnings(opt.Log)})
	if err != nil {
		return nil, errors.Join(err, write.Close(), read.Close())
	}
	return a, nil
}

// Close waits for Receive calls, then closes the database and gives up the
// directory. Work must have returned.
func (a *Archive) Close() error {
	a.closing.Lock()
	if a.closed {
		a.closing.Unlock()
		return nil
	}
	a.closed = true
	a.closing.Unlock()
	if a.commits != nil {
		close(a.commits)
		a.stopped.Wait()
	}
	err := errors.Join(a.read.Close(), a.write.Close())
	if a.lock != nil {
		err = errors.Join(err, a.lock.Close())
	}
	return err
}

// begin tells whether the archive may receive; end must follow when it may.
func (a *Archive) begin() error {
	a.closing.RLock()
	if a.closed || a.commits == nil {
		a.closing.RUnlock()
		return errors.New("archive is closed or shared")
	}
	return nil
}

func (a *Archive) end() { a.closing.RUnlock() }

const (
	defaultMinFree = 256 << 20
	// defaultAttempts at RetryMax apart fill the 7 days after which nobody
	// expects a delivery any more (7 × 48 pauses of 30 minutes and the short ones).
	defaultAttempts = 350
)

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.MinFree = cmp.Or(o.MinFree, defaultMinFree)
	o.SegmentWorkers = cmp.Or(o.SegmentWorkers, 1)
	o.DeliverWorkers = cmp.Or(o.DeliverWorkers, 2)
	o.SegmentTimeout = cmp.Or(o.SegmentTimeout, 10*time.Minute)
	o.DeliverTimeout = cmp.Or(o.DeliverTimeout, 10*time.Minute)
	o.StopTimeout = cmp.Or(o.StopTimeout, 10*time.Second)
	o.RetryBase = cmp.Or(o.RetryBase, 5*time.Second)
	o.RetryMax = cmp.Or(o.RetryMax, 30*time.Minute)
	o.MaxAttempts = cmp.Or(o.MaxAttempts, defaultAttempts)
	return o
}
