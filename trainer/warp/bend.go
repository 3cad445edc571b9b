// Package warp draws the random maps that training pictures are varied by: turns,
// mirrors and shears, and elastic deformation. It maps places and reads no pixels;
// whoever does reads picture and label through one map, so that they agree.
package warp

import (
	"math"
	"math/rand/v2"
)

// Bend is an elastic deformation: a smooth random displacement of each point, a
// cubic B-spline over control points. It never folds: a control point moves by less than
// injective of the distance to the next (Choi and Lee, Injectivity conditions of
// 2D and 3D uniform cubic B-spline functions, 2000).
type Bend struct {
	spacing    float64 // of the control points, in output pixels
	rows, cols int     // of control points
	dy, dx     []float64
}

const injective = 0.4

// NewBend draws a deformation of rows×cols pixels that moves points by at most
// reach pixels either way, less where it would fold.
func NewBend(r *rand.Rand, rows, cols int, reach float64) *Bend {
	b := &Bend{spacing: float64(max(rows, cols)) / float64(3+r.IntN(5))}
	b.rows, b.cols = int(float64(rows)/b.spacing)+4, int(float64(cols)/b.spacing)+4
	reach = min(reach, injective*b.spacing)
	b.dy, b.dx = make([]float64, b.rows*b.cols), make([]float64, b.rows*b.cols)
	for i := range b.dy {
		b.dy[i], b.dx[i] = reach*(2*r.Float64()-1), reach*(2*r.Float64()-1)
	}
	return b
}

// Line is the deformation along one row of points.
type Line struct {
	*Bend
	dy, dx []float64 // of the control points, drawn together over the rows
}

// Line is the deformation of the points (y, ·) of the output; y of pixel row r is in
// [r, r+1).
func (b *Bend) Line(y float64) Line {
	l := Line{b, make([]float64, b.cols), make([]float64, b.cols)}
	first, w := b.weights(y, b.rows)
	for j, a := range w {
		row := (first + j) * b.cols
		for k := range b.cols {
			l.dy[k] += a * b.dy[row+k]
			l.dx[k] += a * b.dx[row+k]
		}
	}
	return l
}

// At is the displacement of the line's point x, in output pixels.
func (l Line) At(x float64) (dy, dx float64) {
	first, w := l.weights(x, l.cols)
	for k, a := range w {
		dy += a * l.dy[first+k]
		dx += a * l.dx[first+k]
	}
	return dy, dx
}

// weights are those of the four control points around v of an axis, from number
// first on; they sum to 1.
func (b *Bend) weights(v float64, points int) (first int, w [4]float64) {
	v /= b.spacing
	first = min(max(int(math.Floor(v)), 0), points-4)
	t := min(max(v-float64(first), 0), 1)
	s := 1 - t
	return first, [4]float64{s * s * s / 6, (3*t*t*t - 6*t*t + 4) / 6, (3*s*s*s - 6*s*s + 4) / 6, t * t * t / 6}
}
