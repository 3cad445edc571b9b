// Package store keeps the bytes of objects, each under a name of the store's own
// making. It makes bytes and names durable when it is asked to; a name alone says
// nothing about the bytes behind it.
//
// Disk keeps files in folders, Memory keeps them in the process. No path and no
// *os.File leaves the package. It never looks at the bytes and does not know
// which of them anybody needs: package archive does.
package store

import (
	"errors"
	"io"
	"io/fs"
)

// ErrFull says that the disk takes no more.
var ErrFull = errors.New("no space left for files")

// Store keeps files. Its methods may be called concurrently.
type Store interface {
	// Create begins a file, which ends with Discard, kept or not.
	Create() (Draft, error)
	// Open opens a kept file; fs.ErrNotExist says that there is none.
	Open(name string) (File, error)
	// Sync makes the names of kept files durable.
	Sync(names ...string) error
	// Remove removes files; one that is gone is no error.
	Remove(names ...string) error
	// SetAside moves a file where nothing looks for it, to be judged by a person,
	// and returns its name there, relative to the store.
	SetAside(name string) (string, error)
	// List calls visit with the names of the kept files, some at a time, until it
	// returns an error, which List returns. Files kept meanwhile may be left out.
	List(visit func(names []string) error) error
	// Sweep discards the drafts of whoever used the store before, and sets other
	// files aside that it finds among them. Call it before Create.
	Sweep() (discarded, aside int, err error)
	// Free is how many bytes may still be written.
	Free() (int64, error)
}

// Draft is a file that is being written. What it holds survives a power cut when
// the draft's Sync and, for its name, the store's Sync have returned nil. A draft is
// used by one goroutine at a time, but for Sync and Keep, which may meet.
type Draft interface {
	io.Writer
	io.ReaderAt
	// WriteAt writes over bytes that were written before.
	io.WriterAt
	// Size is how many bytes Write has written.
	Size() int64
	// Err is the error of the first write that failed, nil while none has. It
	// tells the disk's errors from those of whoever provides the bytes.
	Err() error
	// Hasten starts the way of the bytes so far to the disk, but for the first ones,
	// which WriteAt may still change.
	Hasten()
	// Begin starts what Sync does while the caller does something else.
	Begin()
	// Sync makes the bytes that were written durable, before Keep or after it.
	Sync() error
	// Keep gives the file a name; it cannot be written any more.
	Keep() (name string, err error)
	// Discard ends the draft, and removes the file unless it was kept.
	Discard()
}

// File is a kept file, open for reading.
type File interface {
	io.ReadSeekCloser
	io.ReaderAt
	Size() int64
}

// Exists reports whether a store has a file.
func Exists(s Store, name string) (bool, error) {
	f, err := s.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}
