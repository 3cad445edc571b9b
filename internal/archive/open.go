package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
	"dicomnode/internal/archive/lock"
	"dicomnode/internal/archive/older"
	"dicomnode/internal/archive/sightings"
	"dicomnode/internal/archive/store"
	"dicomnode/internal/durable"
)

// Archive is an open data directory. Its methods may be called concurrently.
type Archive struct {
	opt   Options
	lock  *lock.Lock // nil when shared
	store store.Store
	index index.Index
	jobs  jobs.Queue
	free  func() (int64, error)

	commits  chan *commit
	stopped  sync.WaitGroup // the committer
	deciding keyed          // SOP instances whose arrivals are being decided

	closing sync.RWMutex // held for reading by Receive
	closed  bool
	working sync.Mutex // held by Work
	noted   sightings.Sightings
}

// Open opens the data directory for this process alone, creating it when absent.
// Files that no row names are adopted, or set aside in lost+found; none is
// removed but those a tombstone names.
//
// ErrInUse says that another process has the directory. ErrIndex says that the
// index is lost beside objects, older than they are, or damaged: nothing has been
// changed then.
func Open(ctx context.Context, opt Options) (*Archive, error) {
	opt = opt.withDefaults()
	if err := makeDir(opt.Dir); err != nil {
		return nil, err
	}
	l, err := lock.Dir(opt.Dir)
	if err != nil {
		return nil, err
	}
	a, err := openOwned(ctx, opt, l)
	if err != nil {
		return nil, errors.Join(err, l.Release())
	}
	if err := a.reconcile(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("reconcile files and index: %w", err), a.Close())
	}
	return a, nil
}

// makeDir makes the folder with the mode and owner of the one it is in, if that
// is there; else only this user may enter.
func makeDir(dir string) error {
	mode := fs.FileMode(0o700)
	if info, err := os.Stat(filepath.Dir(dir)); err == nil && info.Mode().Perm()&0o007 == 0 {
		mode = info.Mode().Perm()
	}
	return durable.MkdirAll(dir, mode)
}

// openOwned opens the parts of a directory that this process has locked.
func openOwned(ctx context.Context, opt Options, l *lock.Lock) (*Archive, error) {
	files, err := store.OpenShared(opt.Dir) // changes nothing: the index is looked at first
	if err != nil {
		return nil, err
	}
	x, err := index.Open(ctx, opt.Dir, func() error { return noObjects(files) })
	if err != nil {
		return nil, misfit(err)
	}
	a := &Archive{opt: opt, lock: l, index: x}
	if err := a.openParts(ctx, x, l); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	a.commits = make(chan *commit, maxBatch)
	a.stopped.Add(1)
	go a.commitLoop()
	return a, nil
}

func (a *Archive) openParts(ctx context.Context, x *index.SQLite, l *lock.Lock) error {
	if err := jobs.Migrate(ctx, x.Write()); err != nil {
		return garbled(ctx, err)
	}
	opt := a.opt.jobs(l.Crashed)
	opt.Unsynced = x.Unsynced
	queue, err := jobs.Open(x.Write(), x.Read(), opt)
	if err != nil {
		return err
	}
	files, err := store.OpenDisk(a.opt.Dir)
	if err != nil {
		return fmt.Errorf("create folders: %w", err)
	}
	a.store, a.jobs, a.free = files, queue, files.Free
	if x.From > 0 && x.From < 3 {
		return older.Settle(ctx, x, queue, outcomeOf)
	}
	return nil
}

// outcomeOf is the outcome of a received object of a release that did not note it.
func outcomeOf(o index.Object, results int) string {
	if results > 0 {
		return Segmented
	}
	return map[Purpose]string{Segment: NoRoute, Dark: Learnt, Keep: Kept}[o.Purpose]
}

// noObjects refuses to begin an index beside objects.
func noObjects(s store.Store) error {
	n := 0
	if err := s.List(func(names []string) error { n += len(names); return nil }); err != nil {
		return err
	}
	if n > 0 {
		return fmt.Errorf("%w: it is lost or empty, and %d objects are here", ErrIndex, n)
	}
	return nil
}

// misfit makes what an index can be found to be ErrIndex. A schema of a newer
// version is no damage: a newer program reads it.
func misfit(err error) error {
	for _, e := range []error{index.ErrDamaged, index.ErrBehind} {
		if errors.Is(err, e) && !errors.Is(err, ErrIndex) {
			return fmt.Errorf("%w: %w", ErrIndex, err)
		}
	}
	return err
}

// garbled makes an error in reading tables whose pages are sound ErrIndex: a value
// has changed.
func garbled(ctx context.Context, err error) error {
	if ctx.Err() != nil || isFull(err) || errors.Is(err, ErrIndex) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrIndex, err)
}

// OpenShared opens the data directory beside the process that owns it, to look
// at its objects and to change its queue; Receive and Work are refused. The
// directory must exist, and its index have the schema of this version: only the
// owner brings it up to date.
func OpenShared(ctx context.Context, opt Options) (*Archive, error) {
	opt = opt.withDefaults()
	x, err := index.OpenShared(ctx, opt.Dir)
	if err != nil {
		return nil, misfit(err)
	}
	files, err := store.OpenShared(opt.Dir)
	if err != nil {
		return nil, errors.Join(err, x.Close())
	}
	queue, err := jobs.Open(x.Write(), x.Read(), opt.jobs(false))
	if err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return &Archive{opt: opt, store: files, index: x, jobs: queue, free: files.Free}, nil
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
	err := errors.Join(a.noted.Flush(context.Background(), a.index), a.index.Close())
	if a.lock != nil {
		err = errors.Join(err, a.lock.Release())
	}
	return err
}

// begin reports whether the archive may receive; end must follow when it may.
func (a *Archive) begin() error {
	a.closing.RLock()
	if a.closed || a.commits == nil {
		a.closing.RUnlock()
		return errors.New("archive is closed or shared")
	}
	return nil
}

func (a *Archive) end() { a.closing.RUnlock() }

// isFull reports whether an error means that the disk takes no more.
func isFull(err error) bool { return errors.Is(err, store.ErrFull) || errors.Is(err, index.ErrFull) }

func existsIn(s store.Store, name string) (bool, error) { return store.Exists(s, name) }

// Serving reports whether a process has the data directory.
func Serving(dir string) (bool, error) { return lock.Held(dir) }
