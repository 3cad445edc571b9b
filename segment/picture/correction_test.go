package picture_test

import (
	"math"
	"testing"

	"dicomnode/segment/picture"
)

// A temperature of one half squares the odds; a shift multiplies them.
func TestCorrection(t *testing.T) {
	m := picture.Map{Geometry: picture.Geometry{Rows: 1, Columns: 2, Height: 1, Width: 2}, P: []float32{0.6, 1, 0.3, 0, 0.1, 0}}
	got := m.Corrected(picture.Correction{Scale: 2, Shift: [3]float64{0, math.Log(2), 0}}).P
	sum := 0.36 + 2*0.09 + 0.01
	for i, want := range []float64{0.36 / sum, 1, 0.18 / sum, 0, 0.01 / sum, 0} {
		if math.Abs(float64(got[i])-want) > 1e-6 {
			t.Errorf("value %d: got %v, want %v", i, got[i], want)
		}
	}
	if m.P[0] != 0.6 {
		t.Error("the map itself was changed")
	}
	for _, same := range []picture.Correction{{}, {Scale: 1}} {
		if got := m.Corrected(same).P; &got[0] != &m.P[0] {
			t.Errorf("%v changes something", same)
		}
	}
	row := picture.NewRow(2)
	m.Upsampler().Corrected(picture.Correction{Scale: 2}).Row(0, row)
	if want := 0.36 / 0.46; math.Abs(float64(row[0][0])-want) > 1e-6 {
		t.Errorf("at the image's pixels %v, want %v", row[0][0], want)
	}
}
