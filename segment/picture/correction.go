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

// apply corrects p, Classes×n, in place.
func (c Correction) apply(p []float32) {
	n := len(p) / Classes
	raster.Blocks(n, func(from, to int) {
		for k := range Classes {
			class := p[k*n+from : k*n+to]
			for i, v := range class {
				class[i] = float32(c.Scale*float64(Logarithm(v)) + c.Shift[k])
			}
		}
		softmax(p, from, to)
	})
}

// Corrected returns the map with corrected probabilities.
func (m Map) Corrected(c Correction) Map {
	if c.Identity() {
		return m
	}
	out := Map{Geometry: m.Geometry, P: append([]float32(nil), m.P...)}
	c.apply(out.P)
	return out
}

// Corrected returns an Upsampler of corrected probabilities.
func (u *Upsampler) Corrected(c Correction) *Upsampler {
	if c.Identity() {
		return u
	}
	out := *u
	out.p = append([]float32(nil), u.p...)
	c.apply(out.p)
	return &out
}
