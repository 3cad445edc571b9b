package simulate_test

import (
	"path/filepath"
	"sync"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/trainer/simulate"
)

// wholeBody returns the shared anatomy, if present, read once for all tests.
func wholeBody(t *testing.T) *simulate.Anatomy {
	t.Helper()
	a, err := readOnce(dicomtest.Shared(t, "anatomy", "bp3d_body.npz"))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var (
	reading sync.Mutex
	read    = map[string]*simulate.Anatomy{}
)

func readOnce(path string) (*simulate.Anatomy, error) {
	reading.Lock()
	defer reading.Unlock()
	if read[path] == nil {
		a, err := simulate.LoadAnatomy(path)
		if err != nil {
			return nil, err
		}
		read[path] = a
	}
	return read[path], nil
}

func TestWholeBody(t *testing.T) {
	out := run(t, simulate.Options{Anatomy: wholeBody(t), Count: 4, Seed: 1, Size: 64})
	if labels, _ := filepath.Glob(filepath.Join(out, "labels", "*.png")); len(labels) != 4 {
		t.Errorf("%d labels, want 4", len(labels))
	}
}
