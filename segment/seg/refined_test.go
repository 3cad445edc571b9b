package seg_test

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment"
	"dicomnode/segment/picture"
)

// The whole chain with the filter gives the same bytes on any number of processors, says
// in the SEG how borders were found, and is another object than that without.
func TestRefinedSEGIsRepeated(t *testing.T) {
	const rows, cols = 321, 457
	img := segImage(t, segSource(rows, cols, nil))
	random := rand.New(rand.NewPCG(6, 2))
	img.Samples = make([]float32, rows*cols)
	for i := range img.Samples {
		img.Samples[i] = float32(i%cols) + 100*random.Float32()
	}
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	run := func(c segment.Config) *segment.Result {
		p := segment.Pipeline{Predictor: dicomtest.Greys{}, Model: segment.Model{Name: "XNet-16", Version: "1", Digest: "ab", Device: "CPU"}, Config: c}
		res, err := p.Run(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	var first []byte
	for _, workers := range []int{1, 4, 3} {
		runtime.GOMAXPROCS(workers)
		b := writeSEG(t, img, run(segment.Config{Guided: &picture.GuidedFilter{}}), segOptions(""))
		if first == nil {
			first = b
		}
		if !bytes.Equal(b, first) {
			t.Errorf("%d processors: other bytes", workers)
		}
	}
	if !bytes.Contains(first, []byte("borders: guided filter, radius 2 network pixels, epsilon 0.0001")) {
		t.Error("the SEG does not say how its borders were found")
	}
	plain, guided := run(segment.Config{}), run(segment.Config{Guided: picture.NewGuidedFilter()})
	if uidOf(t, img, plain, segOptions("")) == uidOf(t, img, guided, segOptions("")) {
		t.Error("refined and plain segmentation have one SOP Instance UID")
	}
	if slices.Equal(plain.Masks.Soft, guided.Masks.Soft) {
		t.Error("the filter changed no mask")
	}
}
