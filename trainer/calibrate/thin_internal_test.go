package calibrate

import (
	"testing"

	"dicomnode/trainer/dataset"
)

// What is kept of an image is bounded, is spread over all of it, and is all of a small one.
func TestThinned(t *testing.T) {
	for _, n := range []int{0, 1, maxPixels, maxPixels + 1, 40000, 4096 * 4096} {
		step := stride(n)
		if kept := (n + step - 1) / step; kept > maxPixels || n > 4*maxPixels && kept < maxPixels/2 {
			t.Errorf("%d of %d pixels are kept", kept, n)
		}
	}
	if step := stride(4096 * 4096); 4096%step == 0 {
		t.Errorf("step %d meets the same columns of each row", step)
	}
	p := Picture{truth: make([]uint8, 40000), logits: make([][dataset.Classes]float32, 40000)}
	if q := thinned(p); len(q.truth) != len(q.logits) || len(q.truth) > maxPixels {
		t.Errorf("%d and %d are kept", len(q.truth), len(q.logits))
	}
	small := Picture{truth: []uint8{0, 1, 2}, logits: make([][dataset.Classes]float32, 3)}
	if q := thinned(small); len(q.truth) != 3 || q.truth[2] != 2 {
		t.Errorf("of a small image %v is kept", q.truth)
	}
}
