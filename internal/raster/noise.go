package raster

import "math"

// Normal draws from the standard normal distribution, as *rand.Rand does.
type Normal interface{ NormFloat64() float64 }

// Noise returns smooth noise of unit-like deviation with structures of about s pixels: a coarse
// Gaussian grid, enlarged by cubic interpolation.
func Noise(d Normal, w, h int, s float64) Plane {
	s = max(s, 1)
	cw, ch := max(3, int(float64(w)/s)+2), max(3, int(float64(h)/s)+2)
	g := New(cw, ch)
	for i := range g.V {
		g.V[i] = float32(d.NormFloat64())
	}
	return g.Enlarge(w, h)
}

// Enlarge resamples to w×h with Catmull-Rom kernels.
func (p Plane) Enlarge(w, h int) Plane {
	t, out := New(w, p.H), New(w, h)
	xs := cubicTaps(p.W, w)
	for y := range p.H {
		row := p.V[y*p.W : (y+1)*p.W]
		for x, k := range xs {
			t.V[y*w+x] = k.c[0]*row[k.i[0]] + k.c[1]*row[k.i[1]] + k.c[2]*row[k.i[2]] + k.c[3]*row[k.i[3]]
		}
	}
	for y, k := range cubicTaps(p.H, h) {
		dst := out.V[y*w : (y+1)*w]
		a, b, c, d := t.V[k.i[0]*w:], t.V[k.i[1]*w:], t.V[k.i[2]*w:], t.V[k.i[3]*w:]
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
