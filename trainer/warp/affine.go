package warp

import (
	"math"
	"math/rand/v2"
)

// Affine says how far an affine map may turn, shear and mirror.
type Affine struct {
	Rotate float64 // largest turn, degrees
	Shear  float64 // largest shear, as a tangent
	Flip   bool    // mirror either way
}

// Matrix draws a matrix that maps (row, column) offsets of the output to those of
// the source, scale source pixels for one of the output. It turns, shears, mirrors
// and scales, in that order seen from the source; with quarter the turn is one by
// 90° and a mirror more.
func (a Affine) Matrix(r *rand.Rand, scale float64, quarter bool) [4]float64 {
	sin, cos := math.Sincos(a.Rotate * (2*r.Float64() - 1) * math.Pi / 180)
	shear := a.Shear * (2*r.Float64() - 1)
	m := [4]float64{cos, sin + shear*cos, -sin, cos - shear*sin}
	if quarter {
		m = [4]float64{m[1], m[0], m[3], m[2]}
	}
	for c := range 2 {
		if a.Flip && r.IntN(2) == 1 {
			m[c], m[2+c] = -m[c], -m[2+c]
		}
	}
	for i := range m {
		m[i] *= scale
	}
	return m
}
