package picture

import "dicomnode/internal/raster"

// Correction calibrates probabilities: it replaces the logarithms z of each pixel's
// probabilities by Scale·z + Shift and normalises them. The zero value changes nothing.
type Correction struct {
	Scale float64 // 1 / temperature; 0 changes nothing
	Shift [Classes]float64
}

// Identity reports whether the correction changes nothing.
func (c Correction) Identity() bool {
	return c.Scale == 0 || c.Scale == 1 && c.Shift == [Classes]float64{}
}

// apply sets dst to the corrected probabilities p, Classes×n both; they may be the same.
func (c Correction) apply(dst, p []float32) {
	n := len(p) / Classes
	raster.Blocks(n, func(from, to int) {
		for i := from; i < to; i++ {
			dst[i], dst[n+i], dst[2*n+i] = Softmax(c.logarithm(0, p[i]), c.logarithm(1, p[n+i]), c.logarithm(2, p[2*n+i]))
		}
	})
}

// logarithm is the corrected logarithm of the probability p of a class.
func (c *Correction) logarithm(class int, p float32) float32 {
	return float32(c.Scale*float64(Logarithm(p)) + c.Shift[class])
}

// Corrected returns the map with corrected probabilities.
func (m Map) Corrected(c Correction) Map {
	if c.Identity() {
		return m
	}
	out := Map{Geometry: m.Geometry, P: make([]float32, len(m.P))}
	c.apply(out.P, m.P)
	return out
}

// Corrected returns an Upsampler of corrected probabilities; u must not be used afterwards.
func (u *Upsampler) Corrected(c Correction) *Upsampler {
	if c.Identity() {
		return u
	}
	out := *u
	if !u.own {
		out.p, out.own = make([]float32, len(u.p)), true
	}
	c.apply(out.p, u.p)
	return &out
}
