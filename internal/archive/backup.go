package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/lock"
	"dicomnode/internal/archive/store"
	"dicomnode/internal/durable"
)

// Backup copies the archive to a new folder while a node works: first a snapshot of the index,
// then the files that it names. It verifies the checksum of each file. Files that expired in
// the meantime are left out together with their rows. step is called after each object. Backup
// returns the number of objects in the copy, and the ids of those that were already damaged.
func (a *Archive) Backup(ctx context.Context, to string, step func()) (objects int, damaged []int64, err error) {
	if err := os.Mkdir(to, 0o700); err != nil {
		return 0, nil, err
	}
	if err := a.index.Snapshot(ctx, filepath.Join(to, index.FileName)); err != nil {
		return 0, nil, err
	}
	if err := copyErased(a.opt.Dir, to); err != nil {
		return 0, nil, err
	}
	x, err := index.Open(ctx, to, func() error { return errors.New("the copy of the index is empty") })
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, x.Close(), durable.SyncDir(to), durable.SyncDir(filepath.Dir(to))) }()
	c := &Archive{opt: a.opt, index: x}
	err = c.each(ctx, func(o index.Object) error {
		defer step()
		switch err := copyObject(ctx, a.object(o), to); {
		case err == nil:
			objects++
			return nil
		case !errors.Is(err, ErrDamaged):
			return err
		}
		if _, err := a.Object(ctx, o.ID); errors.Is(err, ErrNotFound) {
			return x.Update(ctx, func(tx index.Tx) error { return tx.Delete(o.ID) })
		}
		damaged = append(damaged, o.ID)
		return nil
	})
	return objects, damaged, err
}

// each calls visit with every row, oldest first.
func (a *Archive) each(ctx context.Context, visit func(index.Object) error) error {
	for last := int64(0); ; {
		page, err := view(ctx, a, func(tx index.Tx) ([]index.Object, error) { return tx.Page(last, 256) })
		if err != nil || len(page) == 0 {
			return err
		}
		for _, o := range page {
			if err := visit(o); err != nil {
				return err
			}
			last = o.ID
		}
	}
}

// copyObject verifies the file of o and copies it to the same name below the folder to.
func copyObject(ctx context.Context, o Object, to string) error {
	if !filepath.IsLocal(o.Name) {
		return fmt.Errorf("%w: its file name leads out of the store", ErrDamaged)
	}
	r, err := o.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	path := filepath.Join(to, filepath.FromSlash(o.Name))
	if err := durable.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return durable.Replace(path, 0o600, func(w io.Writer) error {
		_, err := io.Copy(w, stopReader{ctx.Err, r})
		return err
	})
}

// Restored is the result of Restore.
type Restored struct {
	Objects int // in the archive now
	Missing int // the backup has the row but no undamaged file: get it from the sender or another backup
	Erased  int // erased after the backup was made, and now erased again
}

// Restore creates an archive in opt.Dir from a backup. opt.Dir must have no index and no
// objects. Objects that the list of erased instances of opt.Dir or of the backup names are not
// restored. step is called after each object.
func Restore(ctx context.Context, opt Options, from string, step func()) (r Restored, err error) {
	opt = opt.withDefaults()
	if err := makeDir(opt.Dir); err != nil {
		return r, err
	}
	l, err := lock.Dir(opt.Dir)
	if err != nil {
		return r, err
	}
	if err = restorable(opt.Dir); err == nil {
		err = restoreFiles(ctx, opt.Dir, from, step)
	}
	if err = errors.Join(err, l.Release()); err != nil {
		return r, err
	}
	a, err := Open(ctx, opt)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if r.Erased, err = a.EraseAgain(ctx); err != nil {
		return r, err
	}
	err = a.each(ctx, func(o index.Object) error {
		if _, err := a.verify(ctx, o); errors.Is(err, ErrDamaged) {
			r.Missing++
		} else if err != nil {
			return err
		}
		r.Objects++
		return nil
	})
	if err == nil {
		err = a.index.Update(ctx, func(tx index.Tx) error { return act(ctx, tx, "restore", fmt.Sprintf("%d objects", r.Objects)) })
	}
	return r, err
}

// restorable returns an error if the folder has objects, an index, or any other file of one: a
// write-ahead log or a high-water mark that is left belongs to another index.
func restorable(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), index.FileName) {
			return fmt.Errorf("%s has %s: %w", dir, e.Name(), fs.ErrExist)
		}
	}
	s, err := store.OpenShared(dir)
	if err != nil {
		return err
	}
	return s.List(func(names []string) error {
		return fmt.Errorf("%s has objects: move them away first: %w", dir, fs.ErrExist)
	})
}

// restoreFiles copies the objects and then the index, so that after an interrupted restore Open
// refuses the folder.
func restoreFiles(ctx context.Context, dir, from string, step func()) error {
	files, err := store.OpenShared(from)
	if err != nil {
		return err
	}
	to, err := store.OpenDisk(dir)
	if err != nil {
		return err
	}
	_ = to // OpenDisk has created the folders
	err = files.List(func(names []string) error {
		for _, name := range names {
			if err := copyFile(filepath.Join(from, name), filepath.Join(dir, name)); err != nil {
				return err
			}
			step()
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if err := mergeErased(dir, from); err != nil {
		return err
	}
	return copyFile(filepath.Join(from, index.FileName), filepath.Join(dir, index.FileName))
}

func copyFile(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return durable.Replace(to, 0o600, func(w io.Writer) error { _, err := io.Copy(w, f); return err })
}
