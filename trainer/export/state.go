package export

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"dicomnode/internal/durable"
	"dicomnode/trainer/deidentify/leak"
)

// state is the folder of unfinished files. Only its owner can read it.
//
//	lock           locked while an export runs
//	records/       Record of each object whose files are staged
//	staged/        the files with their paths in the set
//	review/        pictures that wait for review, and the decisions
type state struct {
	dir  string
	lock *os.File
}

func (s *state) records() string { return filepath.Join(s.dir, "records") }
func (s *state) staged() string  { return filepath.Join(s.dir, "staged") }

// ReviewDir returns the folder of the pictures that wait for review, inside a work folder.
func ReviewDir(work string) string { return filepath.Join(work, "review") }

// ErrBusy says that another export of the set is running.
var ErrBusy = errors.New("another export of this set is running")

// open opens the work folder and checks that the set was made with the same key. Files that were
// staged with other options are discarded.
func (e *run) open() error {
	s := &state{dir: e.Work}
	for _, dir := range []string{s.dir, s.records(), s.staged(), ReviewDir(s.dir)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	lock, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(ErrBusy, lock.Close())
	}
	s.lock, e.state = lock, s
	return e.sameProject()
}

func (e *run) close() {
	if e.state != nil {
		_ = syscall.Flock(int(e.state.lock.Fd()), syscall.LOCK_UN) // a child being started may have a copy of the descriptor
		_ = e.state.lock.Close()                                   // nothing was written
	}
}

// stage writes the files of an object and then its record. If a checker finds a value of an
// original, it writes nothing.
func (e *run) stage(r *Record, files map[string][]byte, checkers []*leak.Checker) error {
	r.Files = map[string]string{}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		sum := sha256.Sum256(files[path])
		r.Files[path] = hex.EncodeToString(sum[:])
		var hits []leak.Hit
		for _, c := range checkers {
			hits = append(hits, c.File(path, files[path])...)
		}
		if len(hits) > 0 {
			e.mu.Lock()
			e.report.Hits = append(e.report.Hits, hits...)
			e.mu.Unlock()
			return nil
		}
	}
	for path, b := range files {
		if err := e.write(path, b); err != nil {
			return err
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return durable.ReplaceBytes(filepath.Join(e.state.records(), r.ID+".json"), 0o600, b)
}

func (e *run) write(path string, b []byte) error {
	full := filepath.Join(e.state.staged(), filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return err
	}
	e.mu.Lock()
	e.report.Bytes += int64(len(b))
	e.mu.Unlock()
	return durable.ReplaceBytes(full, 0o644, b)
}

// done reports whether an object has a record, in the set or from an earlier run.
func (e *run) done(id string, finished map[string]Record) bool {
	if _, ok := finished[id]; ok {
		return true
	}
	_, err := os.Stat(filepath.Join(e.state.records(), id+".json"))
	return err == nil
}

// discard removes all staged files, because one of them is invalid.
func (e *run) discard() error {
	return errors.Join(os.RemoveAll(e.state.records()), os.RemoveAll(e.state.staged()))
}

// stagedRecords returns the records of the staged files, by ID.
func (s *state) stagedRecords() (map[string]Record, error) {
	out := map[string]Record{}
	entries, err := os.ReadDir(s.records())
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".json") {
			continue
		}
		var r Record
		b, err := os.ReadFile(filepath.Join(s.records(), entry.Name()))
		if err == nil {
			err = json.Unmarshal(b, &r)
		}
		if err != nil {
			return nil, fmt.Errorf("read record: %w", err)
		}
		out[r.ID] = r
	}
	return out, nil
}

// ReadManifest returns the records of a set, by ID; none if the folder has no manifest.
func ReadManifest(dir string) (map[string]Record, error) {
	out := map[string]Record{}
	b, err := os.ReadFile(filepath.Join(dir, ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var r Record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil || r.ID == "" {
			return nil, fmt.Errorf("read %s, line %d: not a record", ManifestName, n)
		}
		out[r.ID] = r
	}
	return out, lines.Err()
}

// ManifestName is the name of the manifest in a set.
const ManifestName = "manifest.jsonl"
