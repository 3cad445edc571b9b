package radiograph

import (
	"bytes"
	"testing"

	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate/body"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/view"
)

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
