package archive

import (
	"context"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/store"
)

// SetFree replaces the function that measures free space.
func (a *Archive) SetFree(free func(dir string) (int64, error)) {
	a.free = func() (int64, error) { return free(a.opt.Dir) }
}

// Inject makes the archive call f at every operation of store and index: before it, and after
// it with after true. An error of f becomes the error of the operation. An error after the
// operation hides that it was done.
func (a *Archive) Inject(f func(operation string, after bool) error) {
	a.store, a.index = faultyStore{a.store, f}, faultyIndex{a.index, f}
}

// FailStore makes the store report that no more files can be kept.
func (a *Archive) FailStore() { a.store = failedStore{a.store} }

type failedStore struct{ store.Store }

func (failedStore) Err() error { return store.ErrUntrusted }

type fault func(operation string, after bool) error

// around runs an operation between two calls of f.
func (f fault) around(operation string, do func() error) error {
	if err := f(operation, false); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return f(operation, true)
}

type faultyStore struct {
	store.Store
	f fault
}

func (s faultyStore) Create() (d store.Draft, err error) {
	if err := s.f("create", false); err != nil {
		return nil, err
	}
	d, err = s.Store.Create()
	return &faultyDraft{Draft: d, f: s.f}, err
}

func (s faultyStore) Open(name string) (f store.File, err error) {
	if err := s.f("open", false); err != nil {
		return nil, err
	}
	f, err = s.Store.Open(name)
	if err != nil {
		return nil, err
	}
	return faultyFile{f, s.f}, nil
}

func (s faultyStore) Sync(names ...string) error {
	return s.f.around("sync", func() error { return s.Store.Sync(names...) })
}

func (s faultyStore) Remove(names ...string) error {
	for _, name := range names {
		if err := s.f.around("remove", func() error { return s.Store.Remove(name) }); err != nil {
			return err
		}
	}
	return nil
}

func (s faultyStore) SetAside(name string) (to string, err error) {
	err = s.f.around("set aside", func() error { to, err = s.Store.SetAside(name); return err })
	return to, err
}

type faultyDraft struct {
	store.Draft
	f   fault
	err error
}

func (d *faultyDraft) Write(p []byte) (n int, err error) {
	if d.err = d.f("write", false); d.err != nil {
		return 0, d.err
	}
	return d.Draft.Write(p)
}

func (d *faultyDraft) Err() error {
	if d.err != nil {
		return d.err
	}
	return d.Draft.Err()
}

func (d *faultyDraft) WriteAt(p []byte, off int64) (n int, err error) {
	if d.err = d.f("write over", false); d.err != nil {
		return 0, d.err
	}
	return d.Draft.WriteAt(p, off)
}

func (d *faultyDraft) Sync() error { return d.f.around("sync draft", d.Draft.Sync) }

func (d *faultyDraft) Keep() (name string, err error) {
	if err := d.f("keep", false); err != nil {
		return "", err
	}
	name, err = d.Draft.Keep()
	if err == nil {
		err = d.f("keep", true)
	}
	return name, err
}

type faultyFile struct {
	store.File
	f fault
}

func (r faultyFile) Read(p []byte) (int, error) {
	if err := r.f("read", false); err != nil {
		return 0, err
	}
	return r.File.Read(p)
}

type faultyIndex struct {
	index.Index
	f fault
}

func (x faultyIndex) View(ctx context.Context, do func(index.Tx) error) error {
	if err := x.f("view", false); err != nil {
		return err
	}
	return x.Index.View(ctx, do)
}

// Update fails before it starts, before it commits, or after it has committed.
func (x faultyIndex) Update(ctx context.Context, do func(index.Tx) error) error {
	return x.update(ctx, x.Index.Update, do)
}

// UpdateUnsynced fails like Update.
func (x faultyIndex) UpdateUnsynced(ctx context.Context, do func(index.Tx) error) error {
	return x.update(ctx, x.Index.UpdateUnsynced, do)
}

func (x faultyIndex) update(ctx context.Context, update func(context.Context, func(index.Tx) error) error, do func(index.Tx) error) error {
	return x.f.around("update", func() error {
		return update(ctx, func(tx index.Tx) error {
			if err := do(tx); err != nil {
				return err
			}
			tx.BeforeCommit(func() error { return x.f("commit", false) })
			return nil
		})
	})
}

// SumPage computes the SHA-256 of some objects after an id, if the archive is idle.
func (a *Archive) SumPage(ctx context.Context, after int64) (last int64, err error) {
	return a.unread().SumPage(ctx, after)
}
