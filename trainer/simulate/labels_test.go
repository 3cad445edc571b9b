package simulate

import (
	"bytes"
	"testing"
)

// Whatever lies around, on and in the patient, a label is a class or ignored, and the same dice make the
// same picture.
func TestSampleLabelsAndRepeats(t *testing.T) {
	v := newView(Phantom(), newDice(3, 1, 0), mapSize)
	for i := range 40 {
		s := sample(v, newDice(3, 2, i), 96)
		for _, l := range s.label {
			if l > labelBone && l != labelIgnore {
				t.Fatalf("sample %d: label %d", i, l)
			}
		}
		for _, x := range s.pic.v {
			if x != x || x > 1e6 || x < -1e6 {
				t.Fatalf("sample %d: pixel %v", i, x)
			}
		}
		if i%8 == 0 {
			again := sample(v, newDice(3, 2, i), 96)
			if !bytes.Equal(again.label, s.label) || again.pic.v[again.w*again.h/2] != s.pic.v[s.w*s.h/2] {
				t.Fatalf("sample %d differs when made again", i)
			}
		}
	}
}
