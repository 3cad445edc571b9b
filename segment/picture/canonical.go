package picture

import (
	"math"

	"dicomnode/internal/raster"
)

// Percentiles of the picture to which Canonical clips.
const (
	ClipLow  = 0.001
	ClipHigh = 0.999
)

// Canonical prepares a picture for XNet. pix is rows×cols with open beam bright. It is clipped
// to its 0.1 and 99.9 percentiles and letterboxed to 200×200 by area averaging. Its mean over
// the picture (without the padding) is subtracted, and the result is divided by the largest
// absolute value. x is 1×1×200×200 float32 in [−1,1]; padding has the picture's minimum. A
// constant picture gives all 0. geo maps the network's answer back. Canonical panics if rows or
// cols < 1 or len(pix) ≠ rows×cols.
func Canonical(pix []float32, rows, cols int) (x []float32, geo Geometry) {
	if rows < 1 || cols < 1 || len(pix) != rows*cols {
		panic("picture: Canonical: picture size does not match rows×cols")
	}
	return CanonicalOf(raster.Area{V: pix, Stride: cols, Rows: rows, Columns: cols})
}

// CanonicalOf is Canonical for an area of a picture, which is treated as a separate picture.
func CanonicalOf(pix raster.Area) (x []float32, geo Geometry) {
	geo = NewGeometry(pix.Rows, pix.Columns)
	q := pix.Quantiles(ClipLow, ClipHigh)
	geo.Low, geo.High = q[0], q[1]
	small := geo.down(pix, geo.Low, geo.High)
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

// normalise subtracts the mean and divides by the largest absolute value, in place. It returns
// the new minimum.
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
	if peak <= 1e-6*math.Abs(mean) || peak == 0 { // constant except for rounding
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
