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
	"dicomnode/internal/archive/unread"
	"dicomnode/internal/durable"
)

// Archive is an open data directory. Its methods may be called concurrently.
type Archive struct {
	opt   Options
	lock  *lock.Lock // nil if opened shared
	store store.Store
	index index.Index
	jobs  jobs.Queue
	free  func() (int64, error)

	commits  chan *commit
	stopped  sync.WaitGroup // waits for commitLoop
	deciding keyedMutex     // locks of SOP instances that are being stored
	activity unread.Activity

	closing   sync.RWMutex // held for reading by Receive
	closed    bool
	working   sync.Mutex // held by Work
	sightings sightings.Sightings
}

// Open opens the data directory for this process alone and creates it if absent. Files without
// a row are adopted, or moved to lost+found. Only files that a tombstone names are removed.
//
// It returns ErrInUse if another process has the directory. It returns ErrIndex, and changes
// nothing, if the index is missing although there are objects, is older than they are, is
// damaged, or was not completely rebuilt (ErrRebuilding).
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

// makeDir creates the folder, and makes it durable, with the mode and owner of its parent,
// unless the parent is open to other users or missing: then only this user may enter.
func makeDir(dir string) error {
	mode := fs.FileMode(0o700)
	if info, err := os.Stat(filepath.Dir(dir)); err == nil && info.Mode().Perm()&0o007 == 0 {
		mode = info.Mode().Perm()
	}
	return durable.MakeAll(mode, dir)
}

// openOwned opens the store, index and jobs of a directory that this process has locked.
func openOwned(ctx context.Context, opt Options, l *lock.Lock) (*Archive, error) {
	if err := index.CheckRebuilt(opt.Dir); err != nil {
		return nil, asErrIndex(err)
	}
	files, err := store.OpenShared(opt.Dir) // changes nothing, because the index is checked first
	if err != nil {
		return nil, err
	}
	x, err := index.Open(ctx, opt.Dir, func() error { return noObjects(files) })
	if err != nil {
		return nil, asErrIndex(err)
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
		return asDamagedIndex(ctx, err)
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

// outcomeOf returns the outcome of an object from a release that did not record outcomes.
func outcomeOf(o index.Object, results int) string {
	if results > 0 {
		return Segmented
	}
	return map[Purpose]string{Segment: NoRoute, Dark: Learnt, Keep: Kept}[o.Purpose]
}

// noObjects returns ErrIndex if there are objects, so that no empty index is created beside
// them.
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

// asErrIndex turns the errors of a damaged or outdated index into ErrIndex. It does not change the
// error for a schema of a newer version, because that index is not damaged.
func asErrIndex(err error) error {
	for _, e := range []error{index.ErrDamaged, index.ErrBehind, index.ErrRebuilding} {
		if errors.Is(err, e) && !errors.Is(err, ErrIndex) {
			return fmt.Errorf("%w: %w", ErrIndex, err)
		}
	}
	return err
}

// asDamagedIndex turns an error in reading tables of an undamaged file into ErrIndex: a value has
// changed.
func asDamagedIndex(ctx context.Context, err error) error {
	if ctx.Err() != nil || isFull(err) || errors.Is(err, ErrIndex) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrIndex, err)
}

// OpenShared opens the data directory while another process owns it, to read objects and to
// change the queue. Receive and Work return errors. The directory must exist, and its index
// must have the schema of this version: only the owner migrates it.
func OpenShared(ctx context.Context, opt Options) (*Archive, error) {
	opt = opt.withDefaults()
	if err := index.CheckRebuilt(opt.Dir); err != nil {
		return nil, asErrIndex(err)
	}
	x, err := index.OpenShared(ctx, opt.Dir)
	if err != nil {
		return nil, asErrIndex(err)
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

// Close waits for calls of Receive, closes the database and unlocks the directory. Work must
// have returned.
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
	err := errors.Join(a.sightings.Flush(context.Background(), a.index), a.index.Close())
	if a.lock != nil {
		err = errors.Join(err, a.lock.Release())
	}
	return err
}

// begin returns an error if the archive cannot receive. Otherwise end must be called later.
func (a *Archive) begin() error {
	a.closing.RLock()
	if a.closed || a.commits == nil {
		a.closing.RUnlock()
		return errors.New("archive is closed or shared")
	}
	return nil
}

func (a *Archive) end() { a.closing.RUnlock() }

// isFull reports whether an error means that the disk is full.
func isFull(err error) bool { return errors.Is(err, store.ErrFull) || errors.Is(err, index.ErrFull) }

func existsIn(s store.Store, name string) (bool, error) { return store.Exists(s, name) }

// Serving reports whether a process has locked the data directory.
func Serving(dir string) (bool, error) { return lock.Held(dir) }
