package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// Own gives an open file, or folder, the owner of the folder it is in: whoever
// writes it, the program whose folder that is can read it. Only the superuser
// can give files away; for anybody else there is nothing to do.
func Own(f *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := owner(filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	return f.Chown(uid, gid)
}

// MkdirAll makes a folder with mode, and those above it that are missing, each
// with the owner of the folder it is in.
func MkdirAll(path string, mode fs.FileMode) error {
	err := os.Mkdir(path, mode)
	switch {
	case err == nil:
		return ownFolder(path)
	case errors.Is(err, fs.ErrExist):
		info, serr := os.Stat(path)
		if serr == nil && !info.IsDir() {
			return err
		}
		return serr
	case !errors.Is(err, fs.ErrNotExist) || filepath.Dir(path) == path:
		return err
	}
	if err := MkdirAll(filepath.Dir(path), mode); err != nil {
		return err
	}
	return MkdirAll(path, mode)
}

// MakeAll is [MkdirAll] for several folders, and makes their names durable. If that fails, it
// removes those that it has made: an existing name would not be written again, because the
// kernel reports once what it could not write and may forget it.
func MakeAll(mode fs.FileMode, paths ...string) error {
	var made []string
	var err error
	for _, path := range paths {
		made = append(made, missing(path)...)
		if err = MkdirAll(path, mode); err != nil {
			break
		}
	}
	parents := map[string]bool{}
	for _, path := range append(made, paths...) {
		parents[filepath.Dir(path)] = true
	}
	for parent := range parents {
		if err == nil {
			err = SyncDir(parent)
		}
	}
	if err == nil {
		return nil
	}
	for _, path := range slices.Backward(made) {
		if rerr := os.Remove(path); !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}
	return err
}

// missing lists path and the folders above it that do not exist, the highest first.
func missing(path string) []string {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(path) == path {
		return nil
	}
	return append(missing(filepath.Dir(path)), path)
}

func ownFolder(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := owner(filepath.Dir(path))
	if err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}

func owner(folder string) (uid, gid int, err error) {
	info, err := os.Stat(folder)
	if err != nil {
		return 0, 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, errors.ErrUnsupported
	}
	return int(st.Uid), int(st.Gid), nil
}

// FileMode is the mode of files in a folder that has mode: what may enter the
// folder may read them, and nobody may run them.
func FileMode(mode fs.FileMode) fs.FileMode { return mode.Perm() &^ 0o111 }

// Rename gives a file its final name and makes the name durable.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(to))
}

// SyncDir makes the names in a folder durable.
func SyncDir(path string) error { return Sync(path) }

// Sync makes the contents of a file, or the names in a folder, durable.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Rewrite writes the bytes of a file once more, in place, and makes them durable. [Sync] alone
// does not do that after a sync that failed, perhaps in another process: the kernel may have
// forgotten what it could not write, and tells the error once. Nobody else may write the file.
func Rewrite(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b := make([]byte, 1<<20)
	for at := int64(0); err == nil; {
		var n int
		n, err = f.ReadAt(b, at)
		if _, werr := f.WriteAt(b[:n], at); werr != nil {
			err = werr
		}
		at += int64(n)
	}
	if err == io.EOF {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
