package field

import (
	"math"

	"dicomnode/internal/raster"
)

// smoothing is an edge-preserving smoothing of a prediction, guided by a picture: within a flat
// region all pixels contribute to the result (Min et al., IEEE Trans. Image Processing 23
// (2014) 5638).
type smoothing struct {
	lambda float64 // strength of the smoothing
	sigma  float64 // step between two pixels (of the picture's −1…1) at which the weight falls to 1/e
	rounds int
}

// smooth replaces p by weighted means, guided by the picture v, both h×w. Confident values have
// more weight.
func (s smoothing) smooth(p, v []float32, h, w int) {
	num, den := make([]float64, h*w), make([]float64, h*w)
	for i, a := range p {
		c := 1e-3 + math.Abs(2*float64(a)-1)
		num[i], den[i] = c*float64(a), c
	}
	right, down := s.links(v, h, w, 1), s.links(v, h, w, w)
	room := func() []float64 { return make([]float64, max(h, w)) }
	for t := 1; t <= s.rounds; t++ {
		lambda := 1.5 * math.Pow(4, float64(s.rounds-t)) / (math.Pow(4, float64(s.rounds)) - 1) * s.lambda
		raster.ParallelWith(h, room, func(y int, c []float64) { tridiagonal(num, den, right, c, y*w, 1, w, lambda) })
		raster.ParallelWith(w, room, func(x int, c []float64) { tridiagonal(num, den, down, c, x, w, h, lambda) })
	}
	for i := range p {
		p[i] = float32(num[i] / den[i])
	}
}

// links returns the weights, 0 to 1, between each pixel and the next one in steps of step.
func (s smoothing) links(v []float32, h, w, step int) []float64 {
	out := make([]float64, h*w)
	for i := range out {
		if step == 1 && i%w == w-1 || i+step >= len(v) {
			continue
		}
		out[i] = math.Exp(-math.Abs(float64(v[i+step]-v[i])) / s.sigma)
	}
	return out
}

// tridiagonal solves u + λ·L·u = u₀ in place for u and v, for n pixels starting at first, step
// apart. L is the Laplacian of the links (Thomas's algorithm). c is a buffer for n values.
func tridiagonal(u, v, link, c []float64, first, step, n int, lambda float64) {
	var before float64 // −λ·link to the pixel before
	for k := range n {
		i := first + k*step
		after := 0.0
		if k+1 < n {
			after = -lambda * link[i]
		}
		d := 1 - before - after
		if k > 0 {
			d -= before * c[k-1]
			u[i] -= before * u[i-step]
			v[i] -= before * v[i-step]
		}
		c[k] = after / d
		u[i] /= d
		v[i] /= d
		before = after
	}
	for k := n - 2; k >= 0; k-- {
		i := first + k*step
		u[i] -= c[k] * u[i+step]
		v[i] -= c[k] * v[i+step]
	}
}
