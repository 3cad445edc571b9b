package segment_test

import (
	"image/color"
	"testing"

	"github.com/suyashkumar/dicom"

	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

// An overlay shows each region in its colour, high-precision soft tissue outlined, and
// darkens what lies outside the field.
func TestOverlayPixels(t *testing.T) {
	const rows, cols = 8, 10
	img := &decode.Image{Rows: rows, Columns: cols, Samples: make([]float32, rows*cols), Dataset: dicom.Dataset{}}
	mask := func(from, to int) picture.Mask { // columns from … to−1
		m := make(picture.Mask, rows*cols)
		for i := range m {
			img.Samples[i] = float32(i % cols)
			m[i] = i%cols >= from && i%cols < to
		}
		return m
	}
	res := &segment.Result{Rows: rows, Columns: cols, Field: mask(2, 10), Masks: segment.Masks{
		Open: mask(2, 4), Soft: mask(4, 8), HighPrecisionSoft: mask(5, 8), Bone: mask(8, 10)}}
	shown := segment.Overlay(img, res)
	if got := shown.Bounds(); got.Dx() != cols || got.Dy() != rows {
		t.Fatalf("overlay of %v, want %d×%d", got, cols, rows)
	}
	for _, c := range []struct {
		x    int
		what string
		is   func(r, g, b uint8) bool
	}{
		{0, "dark grey outside the field", func(r, g, b uint8) bool { return r == g && g == b && r <= 85 }},
		{2, "open beam, bluish", func(r, g, b uint8) bool { return b > g && g > r }},
		{4, "soft tissue, orange", func(r, g, b uint8) bool { return r > g && g > b }},
		{5, "outline", func(r, g, b uint8) bool { return r == 204 && g == 121 && b == 167 }},
		{6, "soft tissue, orange", func(r, g, b uint8) bool { return r > g && g > b }},
		{8, "bone, green", func(r, g, b uint8) bool { return g > b && b > r }},
	} {
		p := color.RGBAModel.Convert(shown.At(c.x, 4)).(color.RGBA)
		if !c.is(p.R, p.G, p.B) {
			t.Errorf("column %d is %v, want %s", c.x, p, c.what)
		}
	}
}
