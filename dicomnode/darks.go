package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"dicomnode/segment"
)

// maxDarkFrames is how many dark frames of a detector are kept; the oldest goes.
const maxDarkFrames = 9

// darkStore keeps the dark frames of detectors in a folder, one folder each, and
// their per-pixel median in memory. A frame that is added twice counts once.
type darkStore struct {
	dir   string
	mu    sync.RWMutex
	known map[segment.DetectorKey]*segment.Dark
}

var _ segment.Calibration = (*darkStore)(nil)

// openDarks reads the folder; one that does not exist holds nothing.
func openDarks(dir string) (*darkStore, error) {
	s := &darkStore{dir: dir, known: map[segment.DetectorKey]*segment.Dark{}}
	detectors, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open dark frames: %w", err)
	}
	for _, d := range detectors {
		if err := s.load(filepath.Join(dir, d.Name())); err != nil {
			return nil, fmt.Errorf("open dark frames: %w", err)
		}
	}
	return s, nil
}

// Lookup returns what is known of a detector.
func (s *darkStore) Lookup(key segment.DetectorKey) (*segment.Dark, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d, ok := s.known[key]
	return d, ok
}

// add keeps img as a dark frame of its detector.
func (s *darkStore) add(img *segment.Image) error {
	key, ok := img.Detector()
	if !ok {
		return fmt.Errorf("%w: a dark frame without Detector ID (0018,700A) and Device Serial Number (0018,1000)", segment.ErrUnsupported)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name, err := json.Marshal(key)
	if err != nil {
		return err
	}
	dir := filepath.Join(s.dir, hash(name))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(dir, "detector.json"), name); err != nil {
		return err
	}
	b := make([]byte, 4*len(img.Samples))
	for i, v := range img.Samples {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
	}
	if err := replaceFile(filepath.Join(dir, hash(b)+".dark"), b); err != nil {
		return err
	}
	return s.load(dir)
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// replaceFile writes a file so that it is whole or not there.
func replaceFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// load reads one detector's folder, forgets all but the newest frames, and takes
// their median.
func (s *darkStore) load(dir string) error {
	name, err := os.ReadFile(filepath.Join(dir, "detector.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its first frame was never complete
	}
	if err != nil {
		return err
	}
	var key segment.DetectorKey
	if err := json.Unmarshal(name, &key); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Join(dir, "detector.json"), err)
	}
	files, err := newestFrames(dir)
	if err != nil || len(files) == 0 {
		return err
	}
	frames := make([][]byte, len(files))
	digest := sha256.New()
	for i, f := range files {
		if frames[i], err = os.ReadFile(f); err != nil {
			return err
		}
		if len(frames[i]) != 4*key.Rows*key.Columns {
			return fmt.Errorf("read %s: %d bytes, want %d×%d samples", f, len(frames[i]), key.Rows, key.Columns)
		}
	}
	slices.Sort(files) // the digest does not depend on the order of arrival
	for _, f := range files {
		digest.Write([]byte(filepath.Base(f)))
	}
	s.known[key] = &segment.Dark{Key: key, Frames: len(frames), Offset: median(frames, key.Rows*key.Columns), Digest: hex.EncodeToString(digest.Sum(nil))}
	return nil
}

// newestFrames lists the newest frames of a folder and removes the others.
func newestFrames(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.dark"))
	if err != nil {
		return nil, err
	}
	age := map[string]int64{}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return nil, err
		}
		age[f] = info.ModTime().UnixNano()
	}
	slices.SortFunc(files, func(a, b string) int { return int(min(max(age[b]-age[a], -1), 1)) })
	for len(files) > maxDarkFrames {
		if err := os.Remove(files[len(files)-1]); err != nil {
			return nil, err
		}
		files = files[:len(files)-1]
	}
	return files, nil
}

// median is the per-pixel median of frames of n little-endian float32 samples.
func median(frames [][]byte, n int) []float32 {
	out, at := make([]float32, n), make([]float32, len(frames))
	for i := range out {
		for k, f := range frames {
			at[k] = math.Float32frombits(binary.LittleEndian.Uint32(f[4*i:]))
		}
		slices.Sort(at)
		out[i] = (at[len(at)/2] + at[(len(at)-1)/2]) / 2
	}
	return out
}
