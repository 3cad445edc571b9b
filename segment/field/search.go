package field

import (
	"math"
	"slices"

	"dicomnode/internal/raster"
	"dicomnode/segment/picture"
)

// search is the state of the search for a field in a small picture v of h×w pixels, open beam
// bright. in is the remaining field.
type search struct {
	v             []float32
	h, w          int
	low, high     float32 // 0.1 and 99.9 percentiles
	in            picture.Mask
	borders       []border
	nearWhiteMask picture.Mask
	whiteBorders  int // the first borders, which limit a white border
}

func newSearch(small []float32, h, w int) *search {
	q := raster.Quantiles(small, 0.001, 0.999)
	s := &search{v: small, h: h, w: w, low: q[0], high: q[1], in: make(picture.Mask, h*w)}
	for i := range s.in {
		s.in[i] = true
	}
	s.nearWhite()
	return s
}

// part returns the value at share p of the range, from darkest to brightest.
func (s *search) part(p float32) float32 { return s.low + p*(s.high-s.low) }

// cut removes what is outside b from the field.
func (s *search) cut(b border) {
	s.borders = append(s.borders, b)
	for i := range s.in {
		if b.distance(float64(i%s.w), float64(i/s.w)) < 0 {
			s.in[i] = false
		}
	}
}

// steps returns the votes for an edge at every pixel: value(inside) − value(outside) of pixels
// voteReach to either side, both in the field, limited to [−1, 1].
func (s *search) steps(value func(i int) float32) (stepX, stepY []float32) {
	stepX, stepY = make([]float32, len(s.v)), make([]float32, len(s.v))
	for y := range s.h {
		for x := range s.w {
			i := y*s.w + x
			if x0, x1 := i-min(x, voteReach), i+min(s.w-1-x, voteReach); s.in[x0] && s.in[x1] {
				stepX[i] = min(max(value(x1)-value(x0), -1), 1)
			}
			if y0, y1 := i-s.w*min(y, voteReach), i+s.w*min(s.h-1-y, voteReach); s.in[y0] && s.in[y1] {
				stepY[i] = min(max(value(y1)-value(y0), -1), 1)
			}
		}
	}
	return stepX, stepY
}

// at interpolates v between pixels; ok is false outside the field.
func (s *search) at(x, y float64) (v float32, ok bool) {
	x0, y0 := int(math.Floor(x)), int(math.Floor(y))
	if x < -0.5 || y < -0.5 || x > float64(s.w)-0.5 || y > float64(s.h)-0.5 {
		return 0, false
	}
	if !s.in[min(max(int(y+0.5), 0), s.h-1)*s.w+min(max(int(x+0.5), 0), s.w-1)] {
		return 0, false
	}
	fx, fy := float32(x-float64(x0)), float32(y-float64(y0))
	if x0 >= 0 && y0 >= 0 && x0+1 < s.w && y0+1 < s.h {
		above, below := s.v[y0*s.w+x0:][:2], s.v[(y0+1)*s.w+x0:][:2]
		top, bottom := above[0]*(1-fx)+above[1]*fx, below[0]*(1-fx)+below[1]*fx
		return top*(1-fy) + bottom*fy, true
	}
	get := func(x, y int) float32 { return s.v[min(max(y, 0), s.h-1)*s.w+min(max(x, 0), s.w-1)] }
	top := get(x0, y0)*(1-fx) + get(x0+1, y0)*fx
	bottom := get(x0, y0+1)*(1-fx) + get(x0+1, y0+1)*fx
	return top*(1-fy) + bottom*fy, true
}

const (
	reachOut = 8  // length of a profile outwards, pixels
	reachIn  = 24 // length inwards, pixels: the widest penumbra, a tenth of the picture
)

// profile is the picture along the normal of a border, at distances −reachOut … reachIn; NaN
// outside the field.
type profile struct {
	t float64 // position along the border, from its point nearest the picture's centre
	v [reachOut + reachIn + 1]float32
}

func (p *profile) at(o int) float32 { return p.v[reachOut+o] }

// along calls f for points of b in the field, step pixels apart.
func (s *search) along(b border, step float64, f func(t, x, y float64)) {
	long := math.Ceil(math.Hypot(float64(s.h), float64(s.w)) / 2)
	off := b.distance(float64(s.w)/2, float64(s.h)/2)
	px, py := float64(s.w)/2-off*b.nx, float64(s.h)/2-off*b.ny
	for t := -long; t <= long; t += step {
		x, y := px-t*b.ny, py+t*b.nx
		c, r := int(x+0.5), int(y+0.5)
		if x > -0.5 && y > -0.5 && c < s.w && r < s.h && s.in[r*s.w+c] {
			f(t, x, y)
		}
	}
}

// profiles samples the picture across b once for every pixel of its chord.
func (s *search) profiles(b border) []profile {
	out := make([]profile, 0, int(math.Hypot(float64(s.h), float64(s.w)))+3)
	s.along(b, 1, func(t, x, y float64) {
		p := profile{t: t}
		for o := range p.v {
			d := float64(o - reachOut)
			v, ok := s.at(x+d*b.nx, y+d*b.ny)
			if p.v[o] = v; !ok {
				p.v[o] = float32(math.NaN())
			}
		}
		out = append(out, p)
	})
	return out
}

// quantile returns the q-th quantile of the finite values of v, NaN if there are none. It
// reorders v. Between two values it takes the upper one, like raster.Nearest.
func quantile(v []float32, q float64) float32 {
	v = slices.DeleteFunc(v, func(x float32) bool { return x != x })
	if len(v) == 0 {
		return float32(math.NaN())
	}
	return raster.Select(v, q)
}

func median(v []float32) float32 { return quantile(v, 0.5) }
