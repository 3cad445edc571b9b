package segment

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// darkMagic opens a calibration file, with the version of its format.
const darkMagic = "DICOMNODE DARK 1"

const (
	maxDarkHeader = 1 << 20
	maxDarkFrames = 1024 // more add nothing and are not kept
)

// DarkStore keeps calibrations in a folder, one file per detector, named by a hash of
// its key. It is safe for concurrent use by one process.
type DarkStore struct {
	dir    string
	mu     sync.Mutex
	loaded map[DetectorKey]*Dark
}

var _ Calibration = (*DarkStore)(nil)

// OpenDarkStore opens the folder dir and makes it when it is absent.
func OpenDarkStore(dir string) (*DarkStore, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	return &DarkStore{dir: dir, loaded: make(map[DetectorKey]*Dark)}, nil
}

// Lookup returns the calibration of a detector; a damaged file counts as none.
func (s *DarkStore) Lookup(key DetectorKey) (*Dark, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, ok := s.loaded[key]; ok {
		return d, true
	}
	a, digest, err := s.read(key)
	if err != nil || a.Dark.N == 0 {
		return nil, false // not remembered: another process may add it
	}
	s.loaded[key] = a.calibration(digest)
	return s.loaded[key], true
}

// AddDark adds images taken without radiation to their detector's calibration; the same
// pixels again change nothing. It returns when the calibration is safe on disk.
func (s *DarkStore) AddDark(frames ...*Image) error { return s.add(false, frames) }

// AddFlood adds evenly exposed images, from which the gain is computed.
func (s *DarkStore) AddFlood(frames ...*Image) error { return s.add(true, frames) }

func (s *DarkStore) add(flood bool, frames []*Image) error {
	for _, m := range frames {
		key, ok := m.Detector()
		if !ok {
			return fmt.Errorf("add dark frame: %w: neither Detector ID (0018,700A) nor Device Serial Number (0018,1000)", ErrMalformed)
		}
		if len(m.Samples) != m.Rows*m.Columns || len(m.Samples) == 0 {
			return fmt.Errorf("add dark frame: %w: %d samples for %d×%d pixels", ErrMalformed, len(m.Samples), m.Rows, m.Columns)
		}
		if err := s.addOne(key, flood, m.Samples); err != nil {
			return fmt.Errorf("add dark frame: %w", err)
		}
	}
	return nil
}

func (s *DarkStore) addOne(key DetectorKey, flood bool, pix []float32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, _, err := s.read(key)
	if errors.Is(err, fs.ErrNotExist) {
		a, err = &accumulator{Key: key}, nil
	}
	if err != nil {
		return err
	}
	if !a.take(flood, pix) {
		return nil
	}
	delete(s.loaded, key)
	return writeDurably(s.path(key), a.write)
}

// List returns every readable calibration of the folder, in no order, and an error that
// names the files it could not read.
func (s *DarkStore) List() ([]*Dark, error) {
	files, err := filepath.Glob(filepath.Join(s.dir, "*.dark"))
	if err != nil {
		return nil, err
	}
	var out []*Dark
	var problems []error
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		a, err := readAccumulator(b)
		if err != nil {
			problems = append(problems, fmt.Errorf("read calibration %s: %w", filepath.Base(f), err))
			continue
		}
		if a.Dark.N > 0 {
			sum := sha256.Sum256(b)
			out = append(out, a.calibration(hex.EncodeToString(sum[:])))
		}
	}
	return out, errors.Join(problems...)
}

func (s *DarkStore) path(key DetectorKey) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %d %q %q", key.Detector, key.Rows, key.Columns, key.Binning, key.Mode))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:])+".dark")
}

func (s *DarkStore) read(key DetectorKey) (*accumulator, string, error) {
	b, err := os.ReadFile(s.path(key))
	if err != nil {
		return nil, "", err
	}
	a, err := readAccumulator(b)
	if err == nil && a.Key != key {
		err = fmt.Errorf("%w: calibration of another detector", ErrMalformed)
	}
	sum := sha256.Sum256(b)
	return a, hex.EncodeToString(sum[:]), err
}

// accumulator is what a calibration file holds: running figures, so that frames may
// come one at a time.
type accumulator struct {
	Key         DetectorKey
	Dark, Flood series
	Seen        []string // SHA-256 of the frames taken, hexadecimal
}

// series are running figures of frames, per pixel: Welford's mean and squared
// deviations, and the extremes, which the trimmed mean leaves out.
type series struct {
	N                     int
	mean, m2, least, most []float32
}

func (a *accumulator) take(flood bool, pix []float32) bool {
	h := sha256.New()
	fmt.Fprint(h, flood, "\n")
	_ = binary.Write(h, binary.LittleEndian, pix) // a hash takes everything
	id := hex.EncodeToString(h.Sum(nil))
	if slices.Contains(a.Seen, id) || len(a.Seen) >= maxDarkFrames {
		return false
	}
	a.Seen = append(a.Seen, id)
	if flood {
		a.Flood.add(pix)
	} else {
		a.Dark.add(pix)
	}
	return true
}

func (s *series) add(pix []float32) {
	if s.N++; s.N == 1 {
		s.mean, s.least, s.most = slices.Clone(pix), slices.Clone(pix), slices.Clone(pix)
		s.m2 = make([]float32, len(pix))
		return
	}
	for i, v := range pix {
		d := v - s.mean[i]
		s.mean[i] += d / float32(s.N)
		s.m2[i] += d * (v - s.mean[i])
		s.least[i], s.most[i] = min(s.least[i], v), max(s.most[i], v)
	}
}

// trimmed is the mean without the smallest and largest value, from three frames on.
func (s *series) trimmed() []float32 {
	out := slices.Clone(s.mean)
	if s.N >= 3 {
		n := float64(s.N)
		for i, v := range out {
			out[i] = float32((float64(v)*n - float64(s.least[i]) - float64(s.most[i])) / (n - 2))
		}
	}
	return out
}

// calibration computes offset, gain and defects.
func (a *accumulator) calibration(digest string) *Dark {
	d := &Dark{Key: a.Key, Frames: a.Dark.N, Offset: a.Dark.trimmed(), Digest: digest}
	d.Defect = make(Mask, len(d.Offset))
	markOutliers(d.Defect, d.Offset)
	if a.Dark.N >= 4 {
		noise := make([]float32, len(d.Offset))
		for i, v := range a.Dark.m2 {
			noise[i] = float32(math.Sqrt(float64(v) / float64(a.Dark.N-1)))
		}
		markOutliers(d.Defect, noise)
	}
	if a.Flood.N > 0 {
		d.gain(a.Flood.trimmed())
	}
	return d
}

// markOutliers marks values farther from the median than 12 times the interquartile
// half range (8 standard deviations of a normal distribution) and one stored value.
func markOutliers(defect Mask, v []float32) {
	q := quantiles(v, 0.25, 0.5, 0.75)
	far := 1 + 12*(q[2]-q[0])/2
	for i, x := range v {
		if x > q[1]+far || x < q[1]-far {
			defect[i] = true
		}
	}
}

func (d *Dark) gain(flood []float32) {
	for i := range flood {
		flood[i] -= d.Offset[i]
	}
	median := quantiles(flood, 0.5)[0]
	if !(median > 0) {
		return // the flood frames hold no radiation
	}
	d.Gain = flood
	for i := range flood {
		flood[i] /= median
		if flood[i] < leastGain || flood[i] > 1/leastGain {
			d.Defect[i] = true
		}
	}
}

// write writes the file: magic, header length, header (JSON), the planes of Dark and of
// Flood, each float32 little endian, and the SHA-256 of all that.
func (a *accumulator) write(w io.Writer) error {
	header, err := json.Marshal(a)
	if err != nil {
		return err
	}
	h := sha256.New()
	out := io.MultiWriter(w, h)
	b := binary.LittleEndian.AppendUint32([]byte(darkMagic), uint32(len(header)))
	if _, err := out.Write(append(b, header...)); err != nil {
		return err
	}
	for _, p := range append(a.Dark.planes(), a.Flood.planes()...) {
		if err := binary.Write(out, binary.LittleEndian, *p); err != nil {
			return err
		}
	}
	_, err = w.Write(h.Sum(nil))
	return err
}

func (s *series) planes() []*[]float32 {
	if s.N == 0 {
		return nil
	}
	return []*[]float32{&s.mean, &s.m2, &s.least, &s.most}
}

func readAccumulator(b []byte) (*accumulator, error) {
	fixed := len(darkMagic) + 4
	if len(b) < fixed+sha256.Size || string(b[:len(darkMagic)]) != darkMagic {
		return nil, fmt.Errorf("%w: not a calibration file of version 1", ErrMalformed)
	}
	body := b[:len(b)-sha256.Size]
	if sum := sha256.Sum256(body); string(sum[:]) != string(b[len(body):]) {
		return nil, fmt.Errorf("%w: calibration file is damaged", ErrMalformed)
	}
	n := int64(binary.LittleEndian.Uint32(b[len(darkMagic):]))
	if n > maxDarkHeader || n > int64(len(body)-fixed) {
		return nil, fmt.Errorf("%w: calibration header of %d bytes", ErrMalformed, n)
	}
	a := &accumulator{}
	if err := json.Unmarshal(body[fixed:fixed+int(n)], a); err != nil {
		return nil, fmt.Errorf("%w: calibration header: %w", ErrMalformed, err)
	}
	planes := append(a.Dark.planes(), a.Flood.planes()...)
	rest := body[fixed+int(n):]
	k := a.Key
	if k.Rows < 1 || k.Columns < 1 || k.Rows > 65535 || k.Columns > 65535 || a.Dark.N < 0 || a.Flood.N < 0 ||
		int64(len(rest)) != int64(len(planes))*int64(k.Rows)*int64(k.Columns)*4 {
		return nil, fmt.Errorf("%w: calibration planes do not fit the header", ErrMalformed)
	}
	for _, p := range planes {
		*p = make([]float32, k.Rows*k.Columns)
		for i := range *p {
			(*p)[i] = math.Float32frombits(binary.LittleEndian.Uint32(rest[4*i:]))
		}
		rest = rest[4*k.Rows*k.Columns:]
	}
	return a, nil
}

// writeDurably writes a file beside path, syncs it, renames it and syncs the folder:
// after a crash path holds the old or the new content, never a part.
func writeDurably(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // no effect after the rename
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
