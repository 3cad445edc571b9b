package picture

import (
	"math"

	"dicomnode/internal/raster"
)

// Map holds probabilities on a grid over a picture: Classes×Height×Width values, of the
// grid of its Geometry, whose Top and Left are 0. A Map of one answer of the network has the
// network's pixels; one of several parts of a picture has more.
type Map struct {
	Geometry
	P []float32
}

// Map takes the network's answer p (Classes×Side×Side) out of its padding. It panics at
// another size.
func (g Geometry) Map(p []float32) Map {
	if len(p) != Classes*Side*Side {
		panic("picture: Map: want 3×200×200 probabilities")
	}
	m := Map{Geometry: g, P: make([]float32, 0, Classes*g.Height*g.Width)}
	m.Top, m.Left = 0, 0
	for c := range Classes {
		m.P = append(m.P, g.Cut(p[c*Side*Side:][:Side*Side])...)
	}
	return m
}

// Upsampler brings the map to the picture's resolution.
func (m Map) Upsampler() *Upsampler { return newUpsampler(m.Geometry, m.P, m.Width) }

// Plane is the map's values of one class, Height×Width.
func (m Map) Plane(class int) []float32 { return m.P[class*m.Height*m.Width:][:m.Height*m.Width] }

// On interpolates the map on another grid over the same picture, bilinearly between the
// centres of its cells.
func (m Map) On(g Geometry) Map {
	between := m.Geometry
	between.Rows, between.Columns = g.Height, g.Width
	out := Map{Geometry: g, P: make([]float32, Classes*g.Height*g.Width)}
	out.Top, out.Left = 0, 0
	newUpsampler(between, m.P, m.Width).fill(out.P)
	return out
}

// Answer brings the map to the network's pixels (Classes×Side×Side), as means over each of
// them; the padding has the same probability of every class.
func (m Map) Answer() []float32 {
	g := NewGeometry(m.Rows, m.Columns)
	within := Geometry{Rows: m.Height, Columns: m.Width, Height: g.Height, Width: g.Width}
	out := make([]float32, Classes*Side*Side)
	for i := range out {
		out[i] = 1. / Classes
	}
	for c := range Classes {
		small := within.Down(m.Plane(c), 0, 1)
		for y := range g.Height {
			copy(out[c*Side*Side+(g.Top+y)*Side+g.Left:][:g.Width], small[y*g.Width:])
		}
	}
	return out
}

// Small is the map at the network's pixels, as means over each of them.
func (m Map) Small() Map { return NewGeometry(m.Rows, m.Columns).Map(m.Answer()) }

// leastLogarithm is that of the least probability that counts in a geometric mean: a single
// answer cannot rule out a class that all others see.
const leastLogarithm = -27.6 // of 1e-12

// Logarithm is that of a probability in a geometric mean.
func Logarithm(p float32) float32 {
	return float32(max(math.Log(float64(p)), leastLogarithm))
}

// Softmax makes probabilities of logarithms, Classes×n, in place.
func Softmax(logs []float32) {
	const block = 1 << 12
	n := len(logs) / Classes
	raster.Parallel((n+block-1)/block, func(b int) {
		for i := b * block; i < min(n, (b+1)*block); i++ {
			var q [Classes]float64
			sum, top := 0.0, max(logs[i], logs[n+i], logs[2*n+i])
			for c := range q {
				q[c] = math.Exp(float64(logs[c*n+i] - top))
				sum += q[c]
			}
			for c := range q {
				logs[c*n+i] = float32(q[c] / sum)
			}
		}
	})
}
