package dataset_test

import (
	"context"
	"errors"
	"image"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"dicomnode/trainer/dataset"
)

// three is a folder of three pictures, each brighter than the one before.
func three(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	w, err := dataset.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	for k, id := range []string{"a", "b", "c"} {
		img, lab := image.NewGray(image.Rect(0, 0, 20, 20)), image.NewGray(image.Rect(0, 0, 20, 20))
		for i := range img.Pix {
			img.Pix[i] = uint8(i * (k + 1))
		}
		if err := w.Add(dataset.Item{ID: id, Polarity: dataset.AirBright}, img, lab); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// samplesOf are the samples of dir of which some are kept.
func samplesOf(t *testing.T, dir string, keep int) *dataset.Samples {
	t.Helper()
	f, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := &dataset.Samples{}
	s.Add(f, f.Items)
	s.Keep(keep)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// However many are kept and decoded ahead, the samples are those of Preload, in
// their order.
func TestSamples(t *testing.T) {
	dir := three(t)
	f, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := f.Preload(t.Context(), f.Items, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, keep := range []int{0, 2, 3, 9} {
		for _, ahead := range []int{0, 1, 2, 8} {
			s := samplesOf(t, dir, keep)
			for range 2 {
				h, n := dataset.NewHash(), 0
				for got, err := range s.All(t.Context(), ahead) {
					if err != nil {
						t.Fatal(err)
					}
					if got.Item.ID != want[n].Item.ID || !slices.Equal(got.X, want[n].X) {
						t.Errorf("sample %d is %s", n, got.Item.ID)
					}
					h.Add(got)
					n++
				}
				if n != 3 || h.Digest() != dataset.Digest(want) {
					t.Errorf("%d samples with digest %s, want %s", n, h.Digest(), dataset.Digest(want))
				}
			}
		}
	}
}

// The first samples asked for stay in memory, and no more than were allowed.
func TestSamplesKept(t *testing.T) {
	dir := three(t)
	s := samplesOf(t, dir, 2)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for _, i := range []int{2, 0} {
				if _, err := s.Sample(i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if err := os.RemoveAll(filepath.Join(dir, "images")); err != nil {
		t.Fatal(err)
	}
	for i, gone := range []bool{false, true, false} {
		if _, err := s.Sample(i); (err != nil) != gone {
			t.Errorf("sample %d: %v", i, err)
		}
	}
}

func TestSamplesEnd(t *testing.T) {
	dir := three(t)
	if err := os.WriteFile(filepath.Join(dir, "labels", "b.png"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := samplesOf(t, dir, 0)
	var errs []error
	for _, err := range s.All(t.Context(), 8) {
		errs = append(errs, err)
	}
	if len(errs) != 2 || errs[0] != nil || errs[1] == nil {
		t.Errorf("the second of three cannot be read: %v", errs)
	}
	for range s.All(t.Context(), 2) {
		break // must not hang
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var err error
	for _, err = range s.All(ctx, 2) {
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
