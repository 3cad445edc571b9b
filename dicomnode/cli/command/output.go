package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"dicomnode/internal/durable"
	"dicomnode/internal/hint"
)

// WantWritable refuses output files that could not be written; empty names are none.
// Verbs that work long ask it first.
func WantWritable(files ...string) error {
	for _, f := range files {
		if f == "" {
			continue
		}
		if err := durable.Ready(f); err != nil {
			return hint.Add(err, "name a file in a folder that exists and may be written")
		}
	}
	return nil
}

// WantFolder refuses an output folder that could neither be made nor written into; an
// empty name is none. It makes nothing.
func WantFolder(path string) error {
	if path == "" {
		return nil
	}
	at := filepath.Clean(path)
	info, err := os.Stat(at)
	for at != filepath.Dir(at) && errors.Is(err, fs.ErrNotExist) {
		at = filepath.Dir(at)
		info, err = os.Stat(at)
	}
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "write", Path: at, Err: syscall.ENOTDIR}
	}
	if err == nil {
		err = durable.Ready(filepath.Join(at, "file"))
	}
	if err != nil {
		return hint.Add(fmt.Errorf("write into %s: %w", path, err), "name a folder that can be made and written into")
	}
	return nil
}
