package radiograph

import (
	"bytes"
	"testing"

	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate/body"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/view"
)

// A pixel is bone where the ray crosses enough of it for what else it crosses.
func TestTissueOf(t *testing.T) {
	for _, c := range []struct {
		skin, bone float32 // mm
		want       uint8
	}{
		{0, 0, dataset.OpenBeam}, {.8, 0, dataset.OpenBeam}, {1, 0, dataset.SoftTissue}, {30, .6, dataset.SoftTissue},
		{30, .8, dataset.Bone}, {.8, .8, dataset.Bone}, // a phalanx; a bare bone
		{220, 4, dataset.SoftTissue}, {220, 5, dataset.Bone}, // abdomen
		{110, 4, dataset.Bone}, // a rib over the lung
	} {
		if got := TissueOf(c.skin, c.bone); got != c.want {
			t.Errorf("%g mm of body with %g mm of bone: label %d, want %d", c.skin, c.bone, got, c.want)
		}
	}
}

// With any objects around, on and in the patient, a label is a class or not scored, and the
// same dice give the same picture.
func TestSampleLabelsAndRepeats(t *testing.T) {
	v := body.Phantom().View(random.New(3, 1, 0), view.MapSize)
	for i := range 40 {
		s := New(v, random.New(3, 2, i), 96)
		for _, l := range s.label {
			if l > dataset.Bone && l != dataset.Ignore {
				t.Fatalf("sample %d: label %d", i, l)
			}
		}
		for _, x := range s.pic.V {
			if x != x || x > 1e6 || x < -1e6 {
				t.Fatalf("sample %d: pixel %v", i, x)
			}
		}
		if i%8 == 0 {
			again := New(v, random.New(3, 2, i), 96)
			if !bytes.Equal(again.label, s.label) || again.pic.V[again.w*again.h/2] != s.pic.V[s.w*s.h/2] {
				t.Fatalf("sample %d differs when made again", i)
			}
		}
	}
}
