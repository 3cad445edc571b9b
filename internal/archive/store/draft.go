package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"dicomnode/internal/durable"
)

const (
	// writebackStep is how many bytes are written between two hints to the kernel.
	writebackStep = 2 << 20
	// perFolder is how many files go into one folder before the next: few enough
	// that folders fill alike, many enough that what arrives together shares one.
	perFolder = 64
)

// diskDraft is a file in the folder incoming.
type diskDraft struct {
	f            *os.File
	d            *Disk
	size, hinted int64
	err          error
	ended        bool
}

// Create begins a file.
func (d *Disk) Create() (Draft, error) {
	f, err := os.OpenFile(filepath.Join(d.dir, incomingDir, random()+partSuffix), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, full(nameless(err))
	}
	if err := errors.Join(f.Chmod(durable.FileMode(d.mode)), durable.Own(f)); err != nil { // whatever the umask is
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return &diskDraft{f: f, d: d}, nil
}

// random is a name nobody has chosen, so that a peer's text cannot be part of it.
func random() string { return hex.EncodeToString(randomBytes(16)) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

func (w *diskDraft) Size() int64 { return w.size }
func (w *diskDraft) Err() error  { return w.err }

func (w *diskDraft) ReadAt(p []byte, off int64) (int, error) { return w.f.ReadAt(p, off) }

// Write writes to the file and starts its way to the disk early.
func (w *diskDraft) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	w.size += int64(n)
	if err != nil {
		w.err = full(nameless(err))
		return n, w.err
	}
	if w.size-w.hinted >= writebackStep {
		startWriteback(w.f, w.hinted, w.size-w.hinted)
		w.hinted = w.size
	}
	return n, nil
}

func (w *diskDraft) WriteAt(p []byte, off int64) (int, error) {
	n, err := w.f.WriteAt(p, off)
	if err != nil {
		w.err = full(nameless(err))
	}
	return n, w.err
}

// Keep makes the bytes durable, which callers do side by side, and moves the file
// to its place.
func (w *diskDraft) Keep() (string, error) {
	if w.ended {
		return "", fs.ErrClosed
	}
	w.ended = true
	err := errors.Join(w.f.Sync(), w.f.Close())
	name := objectsDir + "/" + w.d.nextFolder() + "/" + random() + fileSuffix
	path, perr := w.d.path(name)
	if err = errors.Join(err, perr); err == nil {
		err = os.Rename(w.f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(w.f.Name()) // Sweep finds it otherwise
		return "", full(nameless(err))
	}
	return name, nil
}

// nextFolder is the folder of the next file.
func (d *Disk) nextFolder() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inside++; d.inside > perFolder {
		d.folder, d.inside = d.folder+1, 1
	}
	return folderName(d.folder)
}

func (w *diskDraft) Discard() {
	if w.ended {
		return
	}
	w.ended = true
	w.f.Close()
	_ = os.Remove(w.f.Name()) // Sweep finds it otherwise
}
