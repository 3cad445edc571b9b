package index

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"dicomnode/internal/durable"
)

// witness is a file beside the database that says how many changes the database
// has had. It is written after each commit and not synced, so it is never ahead
// of the database that belongs to it: a database that has had fewer changes is an
// older copy, or has lost its log.
type witness struct {
	path string
	mu   sync.Mutex
	f    *os.File
}

// witnessName is the witness in the folder of the archive.
const witnessName = FileName + ".changes"

// witnessWidth is the fixed length of what the file holds.
const witnessWidth = 20

func newWitness(dir string) *witness { return &witness{path: filepath.Join(dir, witnessName)} }

// note writes the number of changes. The witness is a safeguard, and its errors
// are nobody's: without it an old database is not noticed.
func (w *witness) note(changes int64) {
	if changes == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.f == nil {
		f, err := os.OpenFile(w.path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return
		}
		_ = durable.Own(f)
		w.f = f
	}
	_, _ = w.f.WriteAt(fmt.Appendf(nil, "%0*d", witnessWidth, changes), 0)
}

// compare tells whether a database with so many changes is the latest.
func (w *witness) compare(changes int64) error {
	b, err := os.ReadFile(w.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	seen, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return nil // cut by a crash: it says nothing
	}
	if seen > changes {
		return fmt.Errorf("%w: %d changes are missing", ErrBehind, seen-changes)
	}
	return nil
}

func (w *witness) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.f == nil {
		return nil
	}
	err := w.f.Close()
	w.f = nil
	return err
}
