package main

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dicomnode/segment"
)

func darkImage(detector []float32) *segment.Image {
	return &segment.Image{Rows: 1, Columns: len(detector), Samples: detector}
}

// A frame whose detector is not named cannot be filed.
func TestDarkFrameWithoutDetector(t *testing.T) {
	s, err := openDarks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.add(darkImage([]float32{1})); !errors.Is(err, segment.ErrUnsupported) {
		t.Errorf("error %v, want ErrUnsupported", err)
	}
}

// Frames survive a restart, count once, and are forgotten oldest first.
func TestDarkStore(t *testing.T) {
	dir := t.TempDir()
	s, err := openDarks(dir)
	if err != nil {
		t.Fatal(err)
	}
	paths, err := writePhantoms(t.TempDir(), demoDarks())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(paths, paths[0]) {
		img, err := segment.ReadImage(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.add(img); err != nil {
			t.Fatal(err)
		}
	}
	again, err := openDarks(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s.entries(), again.entries()); d != "" {
		t.Errorf("after a restart: %s", d)
	}
	got := again.entries()
	if len(got) != 1 || got[0].Frames != 3 || got[0].Detector != "SIMULATED-1" {
		t.Errorf("entries %+v, want 3 frames of one detector", got)
	}
	for i := range maxDarkFrames {
		img, err := segment.ReadImage(paths[0])
		if err != nil {
			t.Fatal(err)
		}
		img.Samples[0] = float32(i + 10000)
		if err := s.add(img); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.entries(); got[0].Frames != maxDarkFrames {
		t.Errorf("%d frames are kept, want %d", got[0].Frames, maxDarkFrames)
	}
}

func TestMedian(t *testing.T) {
	frames := [][]byte{{0, 0, 128, 63}, {0, 0, 0, 64}, {0, 0, 200, 66}} // 1, 2, 100
	if got := median(frames, 1); got[0] != 2 {
		t.Errorf("median %v, want 2", got[0])
	}
	if got := median(frames[:2], 1); got[0] != 1.5 {
		t.Errorf("median of two %v, want 1.5", got[0])
	}
}
