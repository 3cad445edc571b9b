package field_test

import (
	"math"
	"testing"
)

// A white border that software drew around a rotated rectangle is removed; one that is open
// beam around a body is kept.
func TestWhiteBorder(t *testing.T) {
	const rows, cols = 400, 300
	turned := func(x, y float64) bool {
		x, y = x-150, y-200
		return math.Abs(x*0.9+y*0.436) < 90 && math.Abs(y*0.9-x*0.436) < 130
	}
	for _, c := range []struct {
		name   string
		body   func(x, y float64) bool // the part that is not white
		padded bool
	}{
		{"turned rectangle", turned, true},
		{"strip at the top", func(_, y float64) bool { return y > 40 }, true},
		{"leg", func(x, y float64) bool { return math.Abs(x-150) < 70+15*math.Sin(y/60) }, false},
		{"tapering thigh", func(x, y float64) bool { return math.Abs(x-150) < 100-y/8 }, false},
		{"round", func(x, y float64) bool { return math.Hypot(x-150, y-200) < 120 }, false},
		{"oblique limb", func(x, y float64) bool { return math.Abs(x-150+(y-200)/3) < 40+10*math.Sin(y/40) }, false},
	} {
		pix := make([]float32, rows*cols)
		lost, kept := 0, 0
		for i := range pix {
			x, y := float64(i%cols), float64(i/cols)
			if pix[i] = 1000; c.body(x, y) {
				pix[i] = float32(400 + 200*math.Sin(x/30))
			}
		}
		field, rec := straight(pix, rows, cols)
		for i, in := range field {
			switch {
			case !in && pix[i] < 1000:
				lost++
			case in && pix[i] == 1000:
				kept++
			}
		}
		if !c.padded && rec.Method != "none" {
			t.Errorf("%s: %+v, want the whole frame", c.name, rec)
		}
		if c.padded && (rec.Method != "image" || lost > len(pix)/100 || kept > len(pix)/20) {
			t.Errorf("%s: %+v, %d pixels lost, %d of the border kept", c.name, rec, lost, kept)
		}
	}
}
