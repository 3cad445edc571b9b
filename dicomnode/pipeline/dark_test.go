package pipeline

import (
	"errors"
	"path/filepath"
	"testing"

	"dicomnode/segment/dark"
	"dicomnode/segment/decode"
	"dicomnode/trainer/simulate"
)

// No simulated read-out of a body is taken for a dark frame, also where it says nothing of
// the exposure; every simulated dark frame is. DARK_CASES=500 tries as many read-outs and a
// fifth of it dark frames.
func TestSimulatedDarkFrames(t *testing.T) {
	cases := int(numberFrom("DARK_CASES", 20))
	images, darks, err := simulate.RunDX(t.Context(), simulate.DXOptions{Out: t.TempDir(), Seed: 3, Count: cases, Darks: cases / 5, Rows: 96, Columns: 80})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range images {
		img, err := decode.ReadFile(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		kept := img.Dataset.Elements[:0]
		for _, e := range img.Dataset.Elements { // without KVP, Exposure and the like
			if e.Tag.Group != 0x0018 || e.Tag.Element >= 0x7000 || e.Tag.Element == 0x1000 {
				kept = append(kept, e)
			}
		}
		img.Dataset.Elements = kept
		if err := store(t).AddDark(img); !errors.Is(err, dark.ErrRefused) {
			t.Errorf("%s: %v, want it refused", filepath.Base(path), err)
		}
	}
	all := store(t)
	for _, path := range darks {
		img, err := decode.ReadFile(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := all.AddDark(img); err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
	t.Logf("%d read-outs refused, %d dark frames taken", len(images), len(darks))
}

func store(t *testing.T) *dark.Store {
	t.Helper()
	s, err := dark.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}
