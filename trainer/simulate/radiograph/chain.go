package radiograph

import (
	"math"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate/radiograph/clahe"
)

// processing is how far the processing of pictures goes.
type processing struct {
	saturated  float64    // least quantile of the body above which it is white
	sharpened  [2]float64 // shares of pictures with unsharp masks
	fine, wide float64    // the greatest amounts of a fine and a wide one
	flattened  float64    // share of pictures of which the coarsest structures are reduced
	flat       float64    // the greatest share of those that is removed
	adapted    float64    // share with local histogram equalisation
	equalised  float64    // share with global histogram equalisation
	lines      float64    // share with line noise
}

// Pictures of trunk and head are processed so that bone is still seen: it differs from its
// surroundings much less than the bones of a limb do.
var (
	limbProcessing  = processing{.78, [2]float64{.55, .25}, 2.5, 1.2, .55, .95, .09, .05, .12}
	trunkProcessing = processing{.96, [2]float64{.4, .1}, 1.5, .6, .35, .6, .05, 0, .05}
)

func (s *Sheet) processing() processing {
	if s.trunk {
		return trunkProcessing
	}
	return limbProcessing
}

// process converts the detector signal to a picture as vendors do: a tone curve, then
// saturation, unsharp masking, equalisation and line noise. Open beam stays bright.
func (s *Sheet) process() {
	d, p := s.d, s.processing()
	m := d.Float64()
	if s.thick {
		m = d.Uni(.33, 1)
	}
	if s.trunk {
		m = d.Uni(.45, 1)
	}
	switch {
	case m < .17:
		s.linear()
	case m < .32:
		s.power()
	case m < .52:
		s.logarithm()
	default:
		s.window()
	}
	visible := s.exposedBody()
	if d.Chance(.3) {
		top := s.pic.Quantiles(visible, d.Uni(p.saturated, 1))[0]
		s.pic.Each(func(x float32) float32 { return min(x, top) })
	}
	for _, share := range p.sharpened {
		if d.Chance(share) {
			s.unsharp()
		}
	}
	if d.Chance(.5) {
		q := s.pic.Quantiles(nil, d.Uni(0, .01), 1-d.Uni(0, .01))
		s.pic.Each(func(x float32) float32 { return raster.Clamp(x, q[0], q[1]) })
	}
	s.equalise()
	if d.Chance(.3) {
		air := float64(countLabel(s.label, dataset.OpenBeam)) / float64(len(s.label))
		top := s.pic.Quantiles(nil, 1-d.Uni(.02, .6)*air)[0]
		s.pic.Each(func(x float32) float32 { return min(x, top) })
	}
	if d.Chance(p.lines) {
		s.lines()
	}
}

func countLabel(l []uint8, want uint8) int {
	n := 0
	for _, x := range l {
		if x == want {
			n++
		}
	}
	return n
}

func (s *Sheet) exposedBody() []bool {
	out := make([]bool, len(s.body))
	for i, b := range s.body {
		out[i] = b && s.beam[i]
	}
	return out
}

func (s *Sheet) linear() {
	s.LinearTone = true
	k := float32(s.d.Uni(.8, 3))
	s.pic.Each(func(x float32) float32 { return min(x*k, 1) })
}

func (s *Sheet) power() {
	g, k := s.d.Uni(.15, 1), s.d.Uni(.9, 1.5)
	s.pic.Each(func(x float32) float32 { return float32(min(k*math.Pow(float64(x), g), 1.1)) })
}

func (s *Sheet) logarithm() {
	most := -1.2
	if s.thick {
		most = -2.5
	}
	floor := float32(math.Pow(10, s.d.Uni(-4, most)))
	s.pic.Each(func(x float32) float32 { return raster.Log32(x + floor) })
	s.stretch()
}

// stretch scales the picture to 0..1.
func (s *Sheet) stretch() {
	lo, hi := s.pic.Bounds()
	k := 1 / (hi - lo + 1e-6)
	s.pic.Each(func(x float32) float32 { return (x - lo) * k })
}

// window is the usual processing: logarithm, a window fitted to the exposed body, optionally
// detail enhancement, then a power or sigmoid curve.
func (s *Sheet) window() {
	d := s.d
	most := -1.5
	if s.thick {
		most = -2.7
	}
	floor := float32(math.Pow(10, d.Uni(-4, most)))
	s.pic.Each(func(x float32) float32 { return -raster.Log32(x + floor) })
	air := s.pic.Quantiles(nil, .01)[0]
	q := s.pic.Quantiles(s.exposedBody(), .02, d.Uni(.92, 1), .98, d.Uni(.02, .2))
	k := d.Uni(-.6, 1)
	if d.Chance(.3) {
		k = d.Uni(-3, -.6)
	}
	lo := air + (q[0]-air)*float32(k)
	hi := q[1] + float32(d.Uni(-.1, 1.1))*(q[2]-lo)
	if d.Chance(.35) {
		lo = q[3]
		hi = max(hi, lo+.15)
	}
	if s.trunk {
		if d.Chance(.75) {
			s.detail()
		}
		q = s.pic.Quantiles(s.exposedBody(), .02, .98)
		span := q[1] - q[0]
		lo, hi = q[0]-float32(d.Uni(0, .3))*span, q[1]+float32(d.Uni(0, .2))*span
	}
	scale := 1 / (max(hi-lo, .02) + 1e-3)
	s.pic.Each(func(x float32) float32 { return raster.Clamp((x-lo)*scale, -.6, 1.6) })
	if p := s.processing(); d.Chance(p.flattened) {
		wide, mean, a := s.blur(s.pic, d.Uni(8, 40)), s.pic.Mean(), float32(d.Uni(.2, p.flat))
		for i, b := range wide.V {
			s.pic.V[i] -= a * (b - mean)
		}
	}
	s.curve()
}

func (s *Sheet) curve() {
	d := s.d
	lo, hi := float32(-d.Uni(0, .15)), float32(d.Uni(1, 1.3))
	gamma, slope, mid := 0.0, 0.0, 0.0
	if d.Chance(.5) {
		gamma = math.Exp(d.Gauss(0, .4))
	} else if d.Chance(.5) {
		slope, mid = d.Uni(2, 7), d.Uni(.3, .6)
	}
	s.pic.Each(func(x float32) float32 {
		t := float64(raster.Clamp(x, lo, hi))
		switch {
		case gamma > 0:
			t = math.Pow(max(t, 0), gamma)
		case slope > 0:
			t = 1 / (1 + math.Exp(-slope*(t-mid)))
		}
		return float32(1 - t)
	})
}

func (s *Sheet) unsharp() {
	d, p := s.d, s.processing()
	sigma := math.Exp(d.Uni(math.Log(.8), math.Log(25)))
	a := float32(d.Uni(.2, p.fine))
	if sigma > 5 {
		a = float32(d.Uni(.1, p.wide))
	}
	for i, b := range s.blur(s.pic, sigma).V {
		s.pic.V[i] += a * (s.pic.V[i] - b)
	}
}

// equalise mixes in a histogram equalisation, local (CLAHE) or global.
func (s *Sheet) equalise() {
	d, p := s.d, s.processing()
	m := d.Float64()
	if m >= p.adapted+p.equalised {
		return
	}
	s.stretch()
	tiles, limit := d.Between(2, 9), d.Uni(1, 4)
	if m >= p.adapted {
		tiles, limit = 1, 1e9
	}
	e, a := clahe.Equalise(s.pic, tiles, limit), float32(d.Uni(.4, 1))
	for i, x := range s.pic.V {
		s.pic.V[i] = a*e.V[i] + (1-a)*x
	}
}

// detailSigmas are the standard deviations, in 200ths of the longer side, between which detail
// separates bands.
var detailSigmas = []float64{.8, 1.6, 3.2, 6.4, 12.8}

// detail enhances weak structures of each size relative to strong ones, as the multi-frequency
// processing of vendors does (Vuylsteke and Schoeters, Proc. SPIE 2167 (1994) 551): it raises
// each band to a power below one and reduces the remainder that is coarser than all bands.
func (s *Sheet) detail() {
	d := s.d
	power, rest := d.Uni(.6, .95), float32(d.Uni(.4, .95))
	q := s.pic.Quantiles(s.exposedBody(), .02, .98)
	strong := float64(q[1]-q[0])*d.Uni(.3, .6) + 1e-6
	fine, out := s.pic.Clone(), raster.New(s.w, s.h)
	for _, sigma := range detailSigmas {
		coarse := s.blur(s.pic, sigma)
		for i := range out.V {
			x := float64(fine.V[i] - coarse.V[i])
			out.V[i] += float32(math.Copysign(strong*math.Pow(math.Abs(x)/strong, power), x))
		}
		fine = coarse
	}
	for i := range out.V {
		s.pic.V[i] = rest*fine.V[i] + out.V[i]
	}
}
