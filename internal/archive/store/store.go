// Package store keeps the bytes of objects in files with names that it chooses. It makes bytes
// and names durable separately, when asked: a durable name does not imply durable bytes.
//
// Disk keeps files in folders, Memory in the process. No path and no *os.File leaves the
// package. The package does not interpret the bytes and does not know which files are needed:
// package archive does.
package store

import (
	"errors"
	"io"
	"io/fs"
)

// ErrFull says that the disk is full, ErrUntrusted that a sync has failed and what it may have
// lost is not known.
var (
	ErrFull      = errors.New("no space left for files")
	ErrUntrusted = errors.New("the disk failed to keep files")
)

// Store keeps files. Its methods may be called concurrently.
type Store interface {
	// Create creates a draft. Call its Discard in any case, also after Keep.
	Create() (Draft, error)
	// Open opens a kept file. It returns fs.ErrNotExist if there is none.
	Open(name string) (File, error)
	// Sync makes the names of kept files durable. After an error it fails for all names that the
	// failed sync was to make durable, and for those of files beside them, however often it is
	// called; files kept later are not affected.
	Sync(names ...string) error
	// Secure makes a kept file durable that a previous process left: it may have been killed
	// before its sync, or after one that failed. The bytes are written once more, and the file
	// gets a new name, which Secure returns: a name that a failed sync has lost is not written
	// by a later one.
	Secure(name string) (string, error)
	// Err returns ErrUntrusted when syncs have failed so often that no more files can be kept.
	Err() error
	// Remove removes files. A missing file is no error.
	Remove(names ...string) error
	// SetAside moves a file out of the kept files, for inspection by a person. It returns the
	// new name, relative to the store.
	SetAside(name string) (string, error)
	// List calls visit with the names of the kept files, some at a time, until it returns an
	// error, which List returns. Files kept in the meantime may be left out.
	List(visit func(names []string) error) error
	// Sweep discards the drafts of the previous process and calls SetAside for other files
	// beside them. Call it before Create.
	Sweep() (discarded, aside int, err error)
	// Free returns the number of bytes that may still be written.
	Free() (int64, error)
}

// Draft is a file that is being written. It survives a power failure if the draft's Sync (for
// the bytes) and the store's Sync (for the name) have returned nil. A draft must not be used
// concurrently, except that Sync and Keep may run at the same time.
type Draft interface {
	io.Writer
	io.ReaderAt
	// WriteAt overwrites bytes written before.
	io.WriterAt
	// Size returns the number of bytes that Write has written.
	Size() int64
	// Err returns the error of the first failed write, nil if there is none. It tells errors of
	// the disk from errors of the source of the bytes.
	Err() error
	// Hasten starts writing the bytes so far to the disk, except the first ones, which WriteAt
	// may still change.
	Hasten()
	// Begin starts a sync and returns at once.
	Begin()
	// Sync makes the written bytes durable. It may be called before or after Keep. After an error
	// it fails however often it is called.
	Sync() error
	// Keep gives the file its final name. It cannot be written afterwards.
	Keep() (name string, err error)
	// Discard closes the draft, and removes the file unless it was kept.
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
