package archive

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dicomnode/internal/part10"
)

// Folders in Options.Dir. Files are written in incoming and move, complete and
// synced, into one of 256 folders of objects.
const (
	incomingDir = "incoming"
	objectsDir  = "objects"
)

// makeFolders creates what is missing of the layout and makes it durable.
func makeFolders(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, incomingDir), 0o700); err != nil {
		return err
	}
	for i := range 256 {
		if err := os.MkdirAll(filepath.Join(dir, objectsDir, fmt.Sprintf("%02x", i)), 0o700); err != nil {
			return err
		}
	}
	return errors.Join(syncDir(filepath.Join(dir, objectsDir)), syncDir(dir), syncDir(filepath.Dir(dir)))
}

// objectPath makes a new name, relative to Options.Dir, for the file of an
// object: the digest of its UID, which spreads the files and shows nothing of
// the peer's text, and a random part, so that two arrivals of one UID can never
// meet in one file.
func objectPath(sopInstanceUID string) string {
	digest := sha256.Sum256([]byte(sopInstanceUID))
	var random [6]byte
	rand.Read(random[:])
	key := hex.EncodeToString(digest[:])
	return filepath.Join(objectsDir, key[:2], key[2:40]+"-"+hex.EncodeToString(random[:])+".dcm")
}

// writebackStep is how many bytes are written between two hints to the kernel.
const writebackStep = 2 << 20

// draft is an object file that is being written. It ends in keep or discard.
type draft struct {
	*os.File
	size, hinted int64
	err          error // of the first write that failed
}

func (a *Archive) newDraft() (*draft, error) {
	f, err := os.CreateTemp(filepath.Join(a.opt.Dir, incomingDir), "*.part")
	if err != nil {
		return nil, spaceError(err)
	}
	return &draft{File: f}, nil
}

// Write writes to the file and starts its way to the disk early.
func (d *draft) Write(p []byte) (int, error) {
	n, err := d.File.Write(p)
	d.size += int64(n)
	if err != nil {
		d.err = spaceError(err)
		return n, d.err
	}
	if d.size-d.hinted >= writebackStep {
		startWriteback(d.File, d.hinted, d.size-d.hinted)
		d.hinted = d.size
	}
	return n, nil
}

// keep makes the contents durable and gives the file its final name. The name
// becomes durable when its folder is synced.
func (d *draft) keep(path string) error {
	if err := d.Sync(); err != nil {
		return spaceError(err)
	}
	if err := d.Close(); err != nil {
		return spaceError(err)
	}
	return spaceError(os.Rename(d.Name(), path))
}

// discard removes the file unless it was kept.
func (d *draft) discard() {
	d.Close()
	os.Remove(d.Name())
}

// tee reads src and writes what it read to the draft, in pieces as large as
// its caller's buffer.
type tee struct {
	src io.Reader
	to  *draft
	err error // of src, other than io.EOF
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := readFull(t.src, p)
	if err != nil && err != io.EOF {
		t.err = err
	}
	if _, werr := t.to.Write(p[:n]); werr != nil {
		return 0, werr
	}
	return n, err
}

// maxIdleReads is how often a reader may return nothing and no error.
const maxIdleReads = 100

// readFull fills p, and unlike io.ReadFull gives the reader's own error, so
// that a stream that ended can be told from one that broke.
func readFull(r io.Reader, p []byte) (n int, err error) {
	for idle := 0; n < len(p) && err == nil; idle++ {
		var m int
		if m, err = r.Read(p[n:]); m > 0 {
			n, idle = n+m, 0
		}
		if idle == maxIdleReads {
			err = io.ErrNoProgress
		}
	}
	return n, err
}

// meta is the file meta information of a file of ours.
func (a *Archive) meta(class, instance, transferSyntax, source, receiver string) part10.Meta {
	return part10.Meta{
		SOPClassUID: class, SOPInstanceUID: instance, TransferSyntaxUID: transferSyntax,
		ImplementationClassUID:    a.opt.ImplementationClassUID,
		ImplementationVersionName: a.opt.ImplementationVersionName,
		SourceAE:                  knownAE(source), ReceivingAE: knownAE(receiver),
	}
}

// knownAE is an AE title if it is one (PS3.5 6.2 AE), else "": the file meta
// information can do without, and an odd title is no reason to refuse an image.
func knownAE(title string) string {
	title = strings.Trim(title, " ")
	odd := func(r rune) bool { return r < ' ' || r > '~' || r == '\\' }
	if len(title) > 16 || strings.ContainsFunc(title, odd) {
		return ""
	}
	return title
}

// sweep removes what an interrupted run left: files not yet complete, and
// complete ones that no row of the index names.
func (a *Archive) sweep(known func(folder string) (map[string]bool, error)) (removed int, err error) {
	n, err := removeExcept(filepath.Join(a.opt.Dir, incomingDir), nil)
	for i := 0; i < 256 && err == nil; i++ {
		folder := filepath.Join(objectsDir, fmt.Sprintf("%02x", i))
		names, kerr := known(folder)
		if kerr != nil {
			return n, kerr
		}
		var m int
		m, err = removeExcept(filepath.Join(a.opt.Dir, folder), names)
		n += m
	}
	return n, err
}

// removeExcept removes the regular files in dir whose names are not in keep.
func removeExcept(dir string, keep map[string]bool) (removed int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || keep[e.Name()] {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, err
		}
		removed++
	}
	return removed, nil
}
