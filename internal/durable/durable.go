// Package durable writes files of which a crash leaves the old or the new content,
// never a part.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Replace writes the file at path: beside it, synced, renamed over it, and the
// folder synced. The file gets the owner of its folder. When write or anything else fails, path keeps what it had.
func Replace(path string, mode fs.FileMode, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Chmod(mode), Own(f), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return SyncDir(filepath.Dir(path))
}

// ReplaceBytes is Replace with content that is at hand.
func ReplaceBytes(path string, mode fs.FileMode, content []byte) error {
	return Replace(path, mode, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
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
