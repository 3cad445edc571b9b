package picture

import (
	"math"

	"dicomnode/internal/raster"
)

// Percentiles of the picture between which Canonical clips.
const (
	ClipLow  = 0.001
	ClipHigh = 0.999
)

// Canonical prepares a picture for XNet. pix is rows×cols, already air-bright
// (open beam high); it is clipped to its 0.1 and 99.9 percentiles, letterboxed to
// 200×200 by area averaging, its mean over the picture (not the padding) subtracted and
// divided by the largest absolute value: x is 1×1×200×200 float32 in [−1,1]. Padding has
// the picture's minimum. A constant picture is all 0. geo maps the answer back.
// It panics when rows or cols < 1 or len(pix) ≠ rows×cols.
func Canonical(pix []float32, rows, cols int) (x []float32, geo Geometry) {
	if rows < 1 || cols < 1 || len(pix) != rows*cols {
		panic("picture: Canonical: picture size does not match rows×cols")
	}
	return CanonicalOf(raster.Area{V: pix, Stride: cols, Rows: rows, Columns: cols})
}

// CanonicalOf is Canonical of an area of a picture, which counts as a picture of its own.
func CanonicalOf(pix raster.Area) (x []float32, geo Geometry) {
	geo = NewGeometry(pix.Rows, pix.Columns)
	q := pix.Quantiles(ClipLow, ClipHigh)
	small := geo.down(pix, q[0], q[1])
	low := normalise(small)
	x = make([]float32, Side*Side)
	for i := range x {
		x[i] = low
	}
	for y := range geo.Height {
		copy(x[(geo.Top+y)*Side+geo.Left:], small[y*geo.Width:][:geo.Width])
	}
	return x, geo
}

// normalise subtracts the mean and divides by the largest absolute value, in place; it
// returns the new minimum.
func normalise(v []float32) (low float32) {
	var sum float64
	for _, a := range v {
		sum += float64(a)
	}
	mean := sum / float64(len(v))
	var peak float64
	for _, a := range v {
		peak = max(peak, math.Abs(float64(a)-mean))
	}
	if peak <= 1e-6*math.Abs(mean) || peak == 0 { // constant but for rounding
		clear(v)
		return 0
	}
	low = 1
	for i, a := range v {
		v[i] = float32(min(max((float64(a)-mean)/peak, -1), 1))
		low = min(low, v[i])
	}
	return low
}
