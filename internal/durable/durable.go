// Package durable owns how a file is written whole: an interrupted program leaves the
// old or the new content, never a part, and with Replace so does a crash of the
// machine. It knows nothing of what is in a file.
package durable

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Replace writes the file at path: beside it, synced, renamed over it, and the
// folder synced. The file gets the owner of its folder. When write or anything else
// fails, path keeps what it had.
func Replace(path string, mode fs.FileMode, write func(io.Writer) error) error {
	return in(path, func(root *os.Root, name string) error { return ReplaceIn(root, name, mode, write) })
}

// ReplaceBytes is Replace with content that is at hand.
func ReplaceBytes(path string, mode fs.FileMode, content []byte) error {
	return Replace(path, mode, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// ReplaceIn is [Replace] of a file within root, which name cannot leave.
func ReplaceIn(root *os.Root, name string, mode fs.FileMode, write func(io.Writer) error) error {
	if err := place(root, name, mode, true, write); err != nil {
		return err
	}
	dir, err := root.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Whole is [Replace] without syncing, for files of which there are thousands and each
// can be made again: whole or not there when the program ends, whatever the disk keeps
// when the machine does.
func Whole(path string, mode fs.FileMode, write func(io.Writer) error) error {
	return in(path, func(root *os.Root, name string) error { return WholeIn(root, name, mode, write) })
}

// WholeIn is [Whole] of a file within root, which name cannot leave.
func WholeIn(root *os.Root, name string, mode fs.FileMode, write func(io.Writer) error) error {
	return place(root, name, mode, false, write)
}

// in opens path's folder.
func in(path string, write func(root *os.Root, name string) error) error {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(write(root, filepath.Base(path)), root.Close())
}

// place writes name's content beside it and renames that over it.
func place(root *os.Root, name string, mode fs.FileMode, synced bool, write func(io.Writer) error) error {
	f, part, err := create(root, name)
	if err != nil {
		return err
	}
	buffer := bufio.NewWriterSize(f, 1<<16)
	err = errors.Join(write(buffer), buffer.Flush(), f.Chmod(mode), Own(f))
	if synced {
		err = errors.Join(err, f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(part, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(part))
	}
	return nil
}

// create makes a new file beside name.
func create(root *os.Root, name string) (f *os.File, part string, err error) {
	for range 100 {
		part = filepath.Join(filepath.Dir(name), prefix(name)+fmt.Sprintf("%08x", rand.Uint32()))
		f, err = root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return f, part, err
}

// prefix begins the names of the files beside name: short enough for a name of any
// length.
func prefix(name string) string {
	base := filepath.Base(name)
	return ".new-" + base[:min(len(base), 64)] + "-"
}

// Clean removes what killed writers of path left beside it. Nobody may be writing it.
func Clean(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		rest, found := strings.CutPrefix(e.Name(), prefix(path))
		if found && len(rest) == 8 {
			err = errors.Join(err, os.Remove(filepath.Join(filepath.Dir(path), e.Name())))
		}
	}
	return err
}

// Ready tells why [Replace] could not write the file at path now: path is a folder,
// or its folder is not there or takes no file. Ask it before work that would be lost.
func Ready(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return &fs.PathError{Op: "write", Path: path, Err: syscall.EISDIR}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	var why *fs.PathError
	if errors.As(err, &why) {
		err = why.Err // the temporary file's name tells nobody anything
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
