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
// has had, and how many of them were made durable. It is written after each commit and
// not synced, so what it says is durable is never ahead of the database that belongs to
// it; nor is the rest, before the machine starts again. A database that has had fewer
// changes is an older copy, or has lost its log.
type witness struct {
	path string
	mu   sync.Mutex
	f    *os.File
	seen seen
}

// seen is what a witness says.
type seen struct {
	durable, all int64
	boot         string // of the machine; "" when the system does not tell
}

// witnessName is the witness in the folder of the archive.
const witnessName = FileName + ".changes"

// form is what the file holds, of one length: durable, all and boot of seen.
const form = "%020d %020d %-36s\n"

// boot is another text each time the machine starts.
var boot = sync.OnceValue(func() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // Linux
	return strings.TrimSpace(string(b))
})

func newWitness(dir string) *witness { return &witness{path: filepath.Join(dir, witnessName)} }

// note writes the number of changes. The witness is a safeguard, and its errors
// are nobody's: without it an old database is not noticed.
func (w *witness) note(changes int64, synced bool) {
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
	w.seen.all, w.seen.boot = changes, boot()
	if synced {
		w.seen.durable = changes
	}
	_, _ = w.f.WriteAt(fmt.Appendf(nil, form, w.seen.durable, w.seen.all, w.seen.boot), 0)
}

// compare reports whether a database with so many changes is the latest. What is durable
// from now on is what it has.
func (w *witness) compare(changes int64) error {
	b, err := os.ReadFile(w.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	want := parse(string(b)).atLeast(boot())
	if want > changes {
		return fmt.Errorf("%w: %d changes are missing", ErrBehind, want-changes)
	}
	w.mu.Lock()
	w.seen.durable = want
	w.mu.Unlock()
	return nil
}

// parse reads what a witness says: an earlier release wrote one number, of durable
// changes. What a crash has cut says nothing.
func parse(text string) (s seen) {
	fields := strings.Fields(text)
	for i, n := range []*int64{&s.durable, &s.all} {
		if i >= len(fields) {
			break
		}
		v, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return seen{}
		}
		*n = v
	}
	if len(fields) == 3 {
		s.boot = fields[2]
	}
	return s
}

// atLeast is how many changes a database must have had when the machine has started as
// boot says.
func (s seen) atLeast(boot string) int64 {
	if boot != "" && s.boot == boot {
		return max(s.durable, s.all)
	}
	return s.durable
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
