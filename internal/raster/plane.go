// Package raster is arithmetic on pictures of float32 and on masks: blurring, enlarging, noise, quantiles, distances,
// connected regions, bilinear interpolation, and loops over rows on all processors. It knows no radiograph.
package raster

import (
	"math"
	"slices"
)

// Plane is a w×h picture of float32, row-major.
type Plane struct {
	W, H int       // columns, rows
	V    []float32 // W×H
}

// New is a w×h plane of zeros.
func New(w, h int) Plane { return Plane{w, h, make([]float32, w*h)} }

// Clone copies the values too.
func (p Plane) Clone() Plane { return Plane{p.W, p.H, slices.Clone(p.V)} }

// Each replaces every value by f of it.
func (p Plane) Each(f func(float32) float32) Plane {
	for i, x := range p.V {
		p.V[i] = f(x)
	}
	return p
}

// Mean is the mean value.
func (p Plane) Mean() float32 {
	s := 0.0
	for _, x := range p.V {
		s += float64(x)
	}
	return float32(s / float64(len(p.V)))
}

// Bounds are the least and the greatest value of a plane that is not empty.
func (p Plane) Bounds() (lo, hi float32) {
	lo, hi = p.V[0], p.V[0]
	for _, x := range p.V {
		lo, hi = min(lo, x), max(hi, x)
	}
	return lo, hi
}

// Blur is a Gaussian of standard deviation s pixels, edges replicated. From s = 2 on it is three
// running means, whose error against the Gaussian is below 3 %.
func (p Plane) Blur(s float64) Plane {
	if s < .3 {
		return p.Clone()
	}
	if s < 2 {
		return p.convolve(gaussian(s))
	}
	r := int(math.Round((math.Sqrt(4*s*s+1) - 1) / 2))
	a, b := p.Clone(), New(p.W, p.H)
	for range 3 {
		a.boxRows(b, r)
		b.boxColumns(a, r)
	}
	return a
}

func gaussian(s float64) []float32 {
	r := int(math.Ceil(3 * s))
	k, sum := make([]float32, 2*r+1), float32(0)
	for i := range k {
		d := float64(i - r)
		k[i] = float32(math.Exp(-d * d / (2 * s * s)))
		sum += k[i]
	}
	for i := range k {
		k[i] /= sum
	}
	return k
}

func (p Plane) convolve(k []float32) Plane {
	r := len(k) / 2
	t, out := New(p.W, p.H), New(p.W, p.H)
	for y := range p.H {
		row := p.V[y*p.W : (y+1)*p.W]
		for x := range p.W {
			s := float32(0)
			for j, c := range k {
				s += c * row[min(max(x+j-r, 0), p.W-1)]
			}
			t.V[y*p.W+x] = s
		}
	}
	for y := range p.H {
		dst := out.V[y*p.W : (y+1)*p.W]
		for j, c := range k {
			src := t.V[min(max(y+j-r, 0), p.H-1)*p.W:]
			for x := range dst {
				dst[x] += c * src[x]
			}
		}
	}
	return out
}

func (p Plane) boxRows(out Plane, r int) {
	inv := 1 / float32(2*r+1)
	for y := range p.H {
		row, dst := p.V[y*p.W:(y+1)*p.W], out.V[y*p.W:(y+1)*p.W]
		s := row[0] * float32(r)
		for x := 0; x <= r; x++ {
			s += row[min(x, p.W-1)]
		}
		for x := range row {
			dst[x] = s * inv
			s += row[min(x+r+1, p.W-1)] - row[max(x-r, 0)]
		}
	}
}

func (p Plane) boxColumns(out Plane, r int) {
	inv := 1 / float32(2*r+1)
	s := make([]float32, p.W)
	at := func(y int) []float32 { y = min(max(y, 0), p.H-1); return p.V[y*p.W : (y+1)*p.W] }
	for y := -r; y <= r; y++ {
		for x, q := range at(y) {
			s[x] += q
		}
	}
	for y := range p.H {
		in, gone, dst := at(y+r+1), at(y-r), out.V[y*p.W:(y+1)*p.W]
		for x := range s {
			dst[x] = s[x] * inv
			s[x] += in[x] - gone[x]
		}
	}
}

// Quantiles returns the values at the given fractions (0..1) of the pixels that keep accepts (nil =
// all), from at most about 6000 evenly spread pixels.
func (p Plane) Quantiles(keep []bool, q ...float64) []float32 {
	step := max(1, len(p.V)/6000) | 1
	s := make([]float32, 0, 6001)
	for i := 0; i < len(p.V); i += step {
		if keep == nil || keep[i] {
			s = append(s, p.V[i])
		}
	}
	if len(s) == 0 {
		return p.Quantiles(nil, q...)
	}
	slices.Sort(s)
	out := make([]float32, len(q))
	for i, f := range q {
		out[i] = Nearest(s, f)
	}
	return out
}

// Exp32 is the exponential function on float32.
func Exp32(x float32) float32 { return float32(math.Exp(float64(x))) }

// Log32 is the natural logarithm on float32.
func Log32(x float32) float32 { return float32(math.Log(float64(x))) }

// Clamp is x, at least lo and at most hi.
func Clamp(x, lo, hi float32) float32 { return min(max(x, lo), hi) }

// Sample interpolates bilinearly; beyond the border is 0.
func (p Plane) Sample(x, y float64) float32 {
	i, j := int(math.Floor(x)), int(math.Floor(y))
	at := func(i, j int) float32 {
		if i < 0 || j < 0 || i >= p.W || j >= p.H {
			return 0
		}
		return p.V[j*p.W+i]
	}
	fx, fy := float32(x-math.Floor(x)), float32(y-math.Floor(y))
	return Mix(at(i, j), at(i+1, j), at(i, j+1), at(i+1, j+1), fx, fy)
}
