package simulate

import (
	"math"
	"math/rand/v2"
)

// dice draws every random quantity; one is made per view and per sample, so that results depend on
// seed and index only.
type dice struct{ *rand.Rand }

func newDice(seed uint64, stream, index int) dice {
	return dice{rand.New(rand.NewPCG(seed*0x9e3779b97f4a7c15+uint64(stream), uint64(index)*0xbf58476d1ce4e5b9+1))}
}

func (d dice) uni(lo, hi float64) float64      { return lo + (hi-lo)*d.Float64() }
func (d dice) gauss(mu, sigma float64) float64 { return mu + sigma*d.NormFloat64() }
func (d dice) chance(p float64) bool           { return d.Float64() < p }
func (d dice) between(lo, hi int) int          { return lo + d.IntN(hi-lo) }
func (d dice) pick(v ...float64) float64       { return v[d.IntN(len(v))] }
func (d dice) direction() vec {
	return vec{d.NormFloat64(), d.NormFloat64(), d.NormFloat64()}.unit()
}

// choose draws one of n by weight.
func (d dice) choose(n int, weight func(int) float64) int {
	total := 0.
	for k := range n {
		total += weight(k)
	}
	x := d.uni(0, total)
	for k := range n {
		if x -= weight(k); x < 0 {
			return k
		}
	}
	return n - 1
}

// noise returns smooth noise of unit-like deviation with structures of about s pixels: a coarse
// Gaussian grid, enlarged by cubic interpolation.
func (d dice) noise(w, h int, s float64) plane {
	s = max(s, 1)
	cw, ch := max(3, int(float64(w)/s)+2), max(3, int(float64(h)/s)+2)
	g := newPlane(cw, ch)
	for i := range g.v {
		g.v[i] = float32(d.NormFloat64())
	}
	return g.enlarge(w, h)
}

// enlarge resamples to w×h with Catmull-Rom kernels.
func (p plane) enlarge(w, h int) plane {
	t, out := newPlane(w, p.h), newPlane(w, h)
	xs := cubicTaps(p.w, w)
	for y := range p.h {
		row := p.v[y*p.w : (y+1)*p.w]
		for x, k := range xs {
			t.v[y*w+x] = k.c[0]*row[k.i[0]] + k.c[1]*row[k.i[1]] + k.c[2]*row[k.i[2]] + k.c[3]*row[k.i[3]]
		}
	}
	for y, k := range cubicTaps(p.h, h) {
		dst := out.v[y*w : (y+1)*w]
		a, b, c, d := t.v[k.i[0]*w:], t.v[k.i[1]*w:], t.v[k.i[2]*w:], t.v[k.i[3]*w:]
		for x := range dst {
			dst[x] = k.c[0]*a[x] + k.c[1]*b[x] + k.c[2]*c[x] + k.c[3]*d[x]
		}
	}
	return out
}

type taps struct {
	i [4]int
	c [4]float32
}

func cubicTaps(from, to int) []taps {
	out := make([]taps, to)
	for k := range out {
		pos := (float64(k)+.5)*float64(from)/float64(to) - .5
		b := math.Floor(pos)
		t := pos - b
		c := [4]float64{
			-.5*t + t*t - .5*t*t*t, 1 - 2.5*t*t + 1.5*t*t*t,
			.5*t + 2*t*t - 1.5*t*t*t, -.5*t*t + .5*t*t*t,
		}
		for j := range 4 {
			out[k].i[j] = min(max(int(b)+j-1, 0), from-1)
			out[k].c[j] = float32(c[j])
		}
	}
	return out
}
