package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"dicomnode/internal/durable"
)

const (
	// writebackStep is the number of bytes between two writeback hints to the kernel. Each hint
	// costs CPU time, and without them the disk would be idle until the final sync.
	writebackStep = 2 << 20
	// firstBlock is the number of bytes at the start of the file that get no hint, because they
	// are overwritten at the end.
	firstBlock = 4096
)

// diskDraft is a file in the folder incoming.
type diskDraft struct {
	f            *os.File
	d            *Disk
	size, hinted int64
	err          error
	kept, ended  bool

	mu    sync.Mutex
	begun *syncing // sync of all bytes so far; nil if there is none
}

// syncing is a sync that runs or is done.
type syncing struct {
	done chan struct{}
	err  error
}

// Create creates a draft.
func (d *Disk) Create() (Draft, error) {
	f, err := os.OpenFile(filepath.Join(d.dir, incomingDir, random()+partSuffix), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, full(nameless(err))
	}
	if err := errors.Join(f.Chmod(durable.FileMode(d.mode)), durable.Own(f)); err != nil { // independent of the umask
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return &diskDraft{f: f, d: d, hinted: firstBlock}, nil
}

// random returns a random name, so that no text of a peer becomes part of a file name.
func random() string { return hex.EncodeToString(randomBytes(16)) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

func (w *diskDraft) Size() int64 { return w.size }
func (w *diskDraft) Err() error  { return w.err }

func (w *diskDraft) ReadAt(p []byte, off int64) (int, error) { return w.f.ReadAt(p, off) }

// Begin starts a sync unless one runs or is done.
func (w *diskDraft) Begin() { w.begin() }

func (w *diskDraft) begin() *syncing {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun == nil {
		s := &syncing{done: make(chan struct{})}
		w.begun = s
		go func() {
			s.err = w.f.Sync()
			close(s.done)
		}()
	}
	return w.begun
}

// Sync syncs the bytes so far, or waits for the sync that Begin started.
func (w *diskDraft) Sync() error {
	s := w.begin()
	<-s.done
	return full(nameless(s.err))
}

// stale prepares a write: it waits for a running sync, so that the next Sync includes the new
// bytes.
func (w *diskDraft) stale() error {
	if w.kept || w.ended {
		return fs.ErrClosed
	}
	w.mu.Lock()
	s := w.begun
	w.mu.Unlock()
	if s == nil {
		return nil
	}
	if <-s.done; s.err != nil {
		return s.err // and of each later Sync: another one could return nil though bytes are lost
	}
	w.mu.Lock()
	w.begun = nil
	w.mu.Unlock()
	return nil
}

// Write writes to the file and sends writeback hints on the way.
func (w *diskDraft) Write(p []byte) (int, error) {
	if err := w.stale(); err != nil {
		w.err = full(nameless(err))
		return 0, w.err
	}
	n, err := w.f.Write(p)
	w.size += int64(n)
	if err != nil {
		w.err = full(nameless(err))
		return n, w.err
	}
	if w.size-w.hinted >= writebackStep {
		w.Hasten()
	}
	return n, nil
}

// Hasten sends a writeback hint for the bytes since the last hint.
func (w *diskDraft) Hasten() {
	if w.size > w.hinted {
		startWriteback(w.f, w.hinted, w.size-w.hinted)
		w.hinted = w.size
	}
}

func (w *diskDraft) WriteAt(p []byte, off int64) (int, error) {
	err := w.stale()
	n := 0
	if err == nil {
		n, err = w.f.WriteAt(p, off)
	}
	if err != nil {
		w.err = full(nameless(err))
	}
	return n, w.err
}

// Keep moves the file to its place. A sync of its bytes may be running.
func (w *diskDraft) Keep() (string, error) {
	if w.kept || w.ended {
		return "", fs.ErrClosed
	}
	folder, err := w.d.nextFolder()
	if err != nil {
		return "", err
	}
	name := objectsDir + "/" + folder + "/" + random() + fileSuffix
	path, err := w.d.path(name)
	if err == nil {
		err = os.Rename(w.f.Name(), path)
	}
	if err != nil {
		return "", full(nameless(err))
	}
	w.kept = true
	return name, nil
}

// nextFolder returns the subfolder for the next file: no sync of it has failed.
func (d *Disk) nextFolder() (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for range folders {
		name := folderName(d.folder)
		if d.syncs.failure(filepath.Join(d.dir, objectsDir, name)) == nil {
			return name, nil
		}
		d.folder++
	}
	return "", fmt.Errorf("%w: no folder is left", ErrUntrusted)
}

func (w *diskDraft) Discard() {
	if w.ended {
		return
	}
	w.ended = true
	w.mu.Lock()
	s := w.begun
	w.mu.Unlock()
	if s != nil {
		<-s.done
	}
	w.f.Close() // bytes that matter were synced
	if !w.kept {
		_ = os.Remove(w.f.Name()) // if it fails, Sweep removes the file
	}
}
