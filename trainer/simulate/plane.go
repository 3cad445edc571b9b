package simulate

import (
	"math"
	"slices"
)

// plane is a w×h picture of float32, row-major.
type plane struct {
	w, h int
	v    []float32
}

func newPlane(w, h int) plane { return plane{w, h, make([]float32, w*h)} }

func (p plane) clone() plane { return plane{p.w, p.h, slices.Clone(p.v)} }

// each replaces every value by f of it.
func (p plane) each(f func(float32) float32) plane {
	for i, x := range p.v {
		p.v[i] = f(x)
	}
	return p
}

func (p plane) mean() float32 {
	s := 0.0
	for _, x := range p.v {
		s += float64(x)
	}
	return float32(s / float64(len(p.v)))
}

func (p plane) bounds() (lo, hi float32) {
	lo, hi = p.v[0], p.v[0]
	for _, x := range p.v {
		lo, hi = min(lo, x), max(hi, x)
	}
	return lo, hi
}

// blur is a Gaussian of standard deviation s pixels, edges replicated. From s = 2 on it is three
// running means, whose error against the Gaussian is below 3 %.
func (p plane) blur(s float64) plane {
	if s < .3 {
		return p.clone()
	}
	if s < 2 {
		return p.convolve(gaussian(s))
	}
	r := int(math.Round((math.Sqrt(4*s*s+1) - 1) / 2))
	a, b := p.clone(), newPlane(p.w, p.h)
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

func (p plane) convolve(k []float32) plane {
	r := len(k) / 2
	t, out := newPlane(p.w, p.h), newPlane(p.w, p.h)
	for y := range p.h {
		row := p.v[y*p.w : (y+1)*p.w]
		for x := range p.w {
			s := float32(0)
			for j, c := range k {
				s += c * row[min(max(x+j-r, 0), p.w-1)]
			}
			t.v[y*p.w+x] = s
		}
	}
	for y := range p.h {
		dst := out.v[y*p.w : (y+1)*p.w]
		for j, c := range k {
			src := t.v[min(max(y+j-r, 0), p.h-1)*p.w:]
			for x := range dst {
				dst[x] += c * src[x]
			}
		}
	}
	return out
}

func (p plane) boxRows(out plane, r int) {
	inv := 1 / float32(2*r+1)
	for y := range p.h {
		row, dst := p.v[y*p.w:(y+1)*p.w], out.v[y*p.w:(y+1)*p.w]
		s := row[0] * float32(r)
		for x := 0; x <= r; x++ {
			s += row[min(x, p.w-1)]
		}
		for x := range row {
			dst[x] = s * inv
			s += row[min(x+r+1, p.w-1)] - row[max(x-r, 0)]
		}
	}
}

func (p plane) boxColumns(out plane, r int) {
	inv := 1 / float32(2*r+1)
	s := make([]float32, p.w)
	at := func(y int) []float32 { y = min(max(y, 0), p.h-1); return p.v[y*p.w : (y+1)*p.w] }
	for y := -r; y <= r; y++ {
		for x, q := range at(y) {
			s[x] += q
		}
	}
	for y := range p.h {
		in, gone, dst := at(y+r+1), at(y-r), out.v[y*p.w:(y+1)*p.w]
		for x := range s {
			dst[x] = s[x] * inv
			s[x] += in[x] - gone[x]
		}
	}
}

// quantiles returns the values at the given fractions (0..1) of the pixels that keep accepts (nil =
// all), from at most about 6000 evenly spread pixels.
func (p plane) quantiles(keep []bool, q ...float64) []float32 {
	step := max(1, len(p.v)/6000) | 1
	s := make([]float32, 0, 6001)
	for i := 0; i < len(p.v); i += step {
		if keep == nil || keep[i] {
			s = append(s, p.v[i])
		}
	}
	if len(s) == 0 {
		return p.quantiles(nil, q...)
	}
	slices.Sort(s)
	out := make([]float32, len(q))
	for i, f := range q {
		out[i] = s[int(math.Round(min(max(f, 0), 1)*float64(len(s)-1)))]
	}
	return out
}

// distance returns for every pixel the chamfer distance (pixels) to the nearest one where m is false.
func distance(m []bool, w, h int) []float32 {
	d := make([]float32, len(m))
	for i, b := range m {
		if b {
			d[i] = 1e6
		}
	}
	relax := func(i, x, y, dx, dy int, c float32) {
		if x+dx >= 0 && x+dx < w && y+dy >= 0 && y+dy < h {
			d[i] = min(d[i], d[i+dy*w+dx]+c)
		}
	}
	for i := range d {
		x, y := i%w, i/w
		relax(i, x, y, -1, 0, .955)
		relax(i, x, y, 0, -1, .955)
		relax(i, x, y, -1, -1, 1.3693)
		relax(i, x, y, 1, -1, 1.3693)
	}
	for i := len(d) - 1; i >= 0; i-- {
		x, y := i%w, i/w
		relax(i, x, y, 1, 0, .955)
		relax(i, x, y, 0, 1, .955)
		relax(i, x, y, 1, 1, 1.3693)
		relax(i, x, y, -1, 1, 1.3693)
	}
	return d
}

// exp32 and log32 keep the arithmetic of the physics in float32 planes.
func exp32(x float32) float32         { return float32(math.Exp(float64(x))) }
func log32(x float32) float32         { return float32(math.Log(float64(x))) }
func clamp(x, lo, hi float32) float32 { return min(max(x, lo), hi) }
