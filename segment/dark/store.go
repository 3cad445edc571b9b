package dark

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"dicomnode/internal/durable"
	"dicomnode/segment/decode"
)

// Store keeps calibrations in a folder, one file per detector, named by a hash of
// its key. It is safe for concurrent use, also by several processes: adding holds a lock
// on the folder, and what another process changed is noticed at the next Lookup.
type Store struct {
	dir    string
	mu     sync.Mutex
	loaded map[Key]inMemory
	noted  map[Key]time.Time // when its use was written last
}

// inMemory is a calibration in memory and the file it was read from.
type inMemory struct {
	dark *Calibration
	file fs.FileInfo
}

// Bounds of a folder: a calibration takes 16 or 32 bytes for each pixel.
const (
	MaxDetectors = 64      // calibrations, one for each detector, size and mode
	MaxBytes     = 4 << 30 // of them together
)

var _ Calibrations = (*Store)(nil)

// Open opens the folder dir; one that does not exist holds nothing, and is made
// when something is added.
func Open(dir string) (*Store, error) {
	if _, err := calibrationFiles(dir); err != nil {
		return nil, err
	}
	return &Store{dir: dir, loaded: make(map[Key]inMemory), noted: make(map[Key]time.Time)}, nil
}

// Lookup returns the calibration of a detector, as the folder holds it now. The error is
// ErrNoCalibration when it holds none, ErrDamaged when the file is damaged.
func (s *Store) Lookup(key Key) (*Calibration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, err := os.Stat(s.path(key))
	if l, ok := s.loaded[key]; ok && err == nil && unchanged(l.file, now) {
		return l.dark, nil
	}
	delete(s.loaded, key)
	a, f, err := s.read(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoCalibration
	}
	if err != nil {
		return nil, err
	}
	if a.Dark.N < AgreeingFrames {
		return nil, tooFew(a.Dark.N)
	}
	s.loaded[key] = inMemory{a.calibration(f.digest), f.info}
	return s.loaded[key].dark, nil
}

// tooFew is an ErrNoCalibration of a detector with some frames: the number of its dark frames.
type tooFew int

func (n tooFew) Error() string {
	return fmt.Sprintf("%d of %d dark frames of this detector", int(n), AgreeingFrames)
}

func (tooFew) Is(err error) bool { return err == ErrNoCalibration }

// unchanged compares two looks at a path. Files are replaced, not written over, so that
// a change gives another inode as well.
func unchanged(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// AddDark adds images taken without radiation to their detector's calibration; the same
// pixels again change nothing. What was exposed, looks so, or differs from the frames before
// is ErrRefused. It returns when the calibration is safe on disk.
func (s *Store) AddDark(frames ...*decode.Image) error { return s.add(false, frames) }

// AddFlood adds evenly exposed images, from which the gain is computed.
func (s *Store) AddFlood(frames ...*decode.Image) error { return s.add(true, frames) }

func (s *Store) add(flood bool, frames []*decode.Image) error {
	kind := "dark"
	if flood {
		kind = "flood"
	}
	for _, m := range frames {
		key, ok := KeyOf(m)
		if !ok {
			return fmt.Errorf("add %s frame: %w: neither Detector ID (0018,700A) nor Device Serial Number (0018,1000)", kind, decode.ErrMalformed)
		}
		if len(m.Samples) != m.Rows*m.Columns || len(m.Samples) == 0 {
			return fmt.Errorf("add %s frame: %w: %d samples for %d×%d pixels", kind, decode.ErrMalformed, len(m.Samples), m.Rows, m.Columns)
		}
		take := func(a *accumulator) (bool, error) { return a.take(true, m.Samples) }
		if !flood {
			if err := accept(m); err != nil {
				return fmt.Errorf("add dark frame: %w", err)
			}
			take = func(a *accumulator) (bool, error) { return a.takeDark(m) }
		}
		if err := s.change(key, take); err != nil {
			return fmt.Errorf("add %s frame: %w", kind, err)
		}
	}
	return nil
}

// change reads a detector's file, or begins a new one, and replaces it when do says that
// it changed. No other process changes the folder meanwhile.
func (s *Store) change(key Key, do func(*accumulator) (changed bool, err error)) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	a, _, err := s.read(key)
	if errors.Is(err, fs.ErrNotExist) {
		a, err = &accumulator{Key: key}, nil
	}
	if err != nil {
		return err
	}
	changed, err := do(a)
	if err != nil {
		return err
	}
	if !changed {
		return s.note(key)
	}
	if err := s.room(key); err != nil {
		return err
	}
	if err := durable.Replace(s.path(key), 0o600, a.write); err != nil {
		return err
	}
	return s.note(key)
}

// room refuses a further detector when the folder holds as many as it may.
func (s *Store) room(key Key) error {
	files, err := calibrationFiles(s.dir)
	if err != nil || slices.Contains(files, s.path(key)) {
		return err
	}
	var bytes int64
	for _, path := range files {
		if info, err := os.Stat(path); err == nil {
			bytes += info.Size()
		}
	}
	if len(files) >= MaxDetectors || bytes >= MaxBytes {
		return fmt.Errorf("%w: %d detectors with %d MiB are calibrated already, at most %d with %d; drop those that are gone",
			decode.ErrUnsupported, len(files), bytes>>20, MaxDetectors, MaxBytes>>20)
	}
	return nil
}

// lock waits until no other process changes the folder. The system gives the lock back
// when a process ends, however it ends.
func (s *Store) lock() (unlock func() error, err error) {
	if err := durable.MkdirAll(s.dir, 0o750); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := durable.Own(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err == nil {
			return f.Close, nil
		}
		if !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", s.dir, err), f.Close())
		}
	}
}

// List returns every readable calibration of the folder, in no order, and an error that
// names the files it could not read. One that has only flood frames is listed too.
func (s *Store) List() ([]*Calibration, error) {
	files, err := calibrationFiles(s.dir)
	if err != nil {
		return nil, err
	}
	var out []*Calibration
	var problems []error
	for _, path := range files {
		a, f, err := readCalibration(path)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		out = append(out, a.calibration(f.digest))
	}
	return out, errors.Join(problems...)
}

func calibrationFiles(dir string) (paths []string, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".dark" {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, err
}

// Drop forgets the calibrations of a detector, all sizes and modes, and returns how many
// there were. Unreadable files stay and are reported as by List.
func (s *Store) Drop(detector string) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := s.lock()
	if err != nil {
		return 0, err
	}
	all, problems := s.List()
	for _, d := range all {
		if d.Key.Detector == detector {
			if err = os.Remove(s.path(d.Key)); err != nil {
				break
			}
			n++
		}
	}
	return n, errors.Join(err, problems, unlock())
}

func (s *Store) path(key Key) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %d %q %q", key.Detector, key.Rows, key.Columns, key.Binning, key.Mode))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:])+".dark")
}

func (s *Store) read(key Key) (*accumulator, calibrationFile, error) {
	a, f, err := readCalibration(s.path(key))
	if err == nil && a.Key != key {
		err = fmt.Errorf("read calibration %s: %w: it is another detector's", filepath.Base(s.path(key)), ErrDamaged)
	}
	return a, f, err
}

// calibrationFile identifies the content that was read.
type calibrationFile struct {
	info   fs.FileInfo
	digest string // SHA-256, hexadecimal
}

func readCalibration(path string) (*accumulator, calibrationFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, calibrationFile{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, calibrationFile{}, err
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, calibrationFile{}, err
	}
	a, err := readAccumulator(b)
	if err != nil {
		return nil, calibrationFile{}, fmt.Errorf("read calibration %s: %w", filepath.Base(path), err)
	}
	sum := sha256.Sum256(b)
	return a, calibrationFile{info, hex.EncodeToString(sum[:])}, nil
}
