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

// highWater is a file beside the database with two counts of changes: all changes, and those that
// were synced. It is written after each commit and not synced itself. Therefore the synced
// count is never ahead of the database, nor is the count of all changes until the machine
// restarts. If the database has fewer changes than the file says, it is an older copy or has
// lost its write-ahead log.
type highWater struct {
	path string
	mu   sync.Mutex
	f    *os.File
	seen seen
}

// seen is the content of the file.
type seen struct {
	durable, all int64
	boot         string // boot id of the machine; "" if the system has none
}

// highWaterName is the name of the file in the folder of the archive.
const highWaterName = FileName + ".changes"

// form is the format of the file, which has a fixed length: durable, all and boot of seen.
const form = "%020d %020d %-36s\n"

// boot returns an id that changes with each start of the machine.
var boot = sync.OnceValue(func() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // Linux
	return strings.TrimSpace(string(b))
})

func newHighWater(dir string) *highWater { return &highWater{path: filepath.Join(dir, highWaterName)} }

// note writes the number of changes. Its errors are ignored: without the file only the check
// for an old database is missing.
func (w *highWater) note(changes int64, synced bool) {
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

// compare returns ErrBehind if a database with the given number of changes is not the latest.
// It sets the synced count for later notes.
func (w *highWater) compare(changes int64) error {
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

// parse parses the content of the file. An earlier release wrote one number, of synced changes. A file
// that a crash has truncated counts as empty.
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

// atLeast returns the least number of changes that the database must have. boot is the current
// boot id.
func (s seen) atLeast(boot string) int64 {
	if boot != "" && s.boot == boot {
		return max(s.durable, s.all)
	}
	return s.durable
}

func (w *highWater) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.f == nil {
		return nil
	}
	err := w.f.Close()
	w.f = nil
	return err
}
