package simulate

import "math"

// process turns detector signal into a picture as vendors do: a tone curve, then saturation, unsharp
// masking, equalisation, line noise. Open beam stays bright throughout.
func (s *sheet) process() {
	d := s.d
	m := d.Float64()
	if s.thick {
		m = d.uni(.33, 1)
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
	if d.chance(.3) {
		top := s.pic.quantiles(visible, d.uni(.78, 1))[0]
		s.pic.each(func(x float32) float32 { return min(x, top) })
	}
	for _, p := range []float64{.55, .25} {
		if d.chance(p) {
			s.unsharp()
		}
	}
	if d.chance(.5) {
		q := s.pic.quantiles(nil, d.uni(0, .01), 1-d.uni(0, .01))
		s.pic.each(func(x float32) float32 { return clamp(x, q[0], q[1]) })
	}
	s.equalise()
	if d.chance(.3) {
		air := float64(countLabel(s.label, labelOpen)) / float64(len(s.label))
		top := s.pic.quantiles(nil, 1-d.uni(.02, .6)*air)[0]
		s.pic.each(func(x float32) float32 { return min(x, top) })
	}
	if d.chance(.12) {
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

func (s *sheet) exposedBody() []bool {
	out := make([]bool, len(s.body))
	for i, b := range s.body {
		out[i] = b && s.beam[i]
	}
	return out
}

func (s *sheet) linear() {
	s.linearTone = true
	k := float32(s.d.uni(.8, 3))
	s.pic.each(func(x float32) float32 { return min(x*k, 1) })
}

func (s *sheet) power() {
	g, k := s.d.uni(.15, 1), s.d.uni(.9, 1.5)
	s.pic.each(func(x float32) float32 { return float32(min(k*math.Pow(float64(x), g), 1.1)) })
}

func (s *sheet) logarithm() {
	most := -1.2
	if s.thick {
		most = -2.5
	}
	floor := float32(math.Pow(10, s.d.uni(-4, most)))
	s.pic.each(func(x float32) float32 { return log32(x + floor) })
	s.stretch()
}

// stretch scales to 0..1.
func (s *sheet) stretch() {
	lo, hi := s.pic.bounds()
	k := 1 / (hi - lo + 1e-6)
	s.pic.each(func(x float32) float32 { return (x - lo) * k })
}

// window is the common chain: logarithm, window set on the exposed body, optionally detail balance, then a
// power or sigmoid curve.
func (s *sheet) window() {
	d := s.d
	most := -1.5
	if s.thick {
		most = -2.7
	}
	floor := float32(math.Pow(10, d.uni(-4, most)))
	s.pic.each(func(x float32) float32 { return -log32(x + floor) })
	air := s.pic.quantiles(nil, .01)[0]
	q := s.pic.quantiles(s.exposedBody(), .02, d.uni(.92, 1), .98, d.uni(.02, .2))
	k := d.uni(-.6, 1)
	if d.chance(.3) {
		k = d.uni(-3, -.6)
	}
	lo := air + (q[0]-air)*float32(k)
	hi := q[1] + float32(d.uni(-.1, 1.1))*(q[2]-lo)
	if d.chance(.35) {
		lo = q[3]
		hi = max(hi, lo+.15)
	}
	scale := 1 / (max(hi-lo, .02) + 1e-3)
	s.pic.each(func(x float32) float32 { return clamp((x-lo)*scale, -.6, 1.6) })
	if d.chance(.55) {
		wide, mean, a := s.blur(s.pic, d.uni(8, 40)), s.pic.mean(), float32(d.uni(.2, .95))
		for i, b := range wide.v {
			s.pic.v[i] -= a * (b - mean)
		}
	}
	s.curve()
}

func (s *sheet) curve() {
	d := s.d
	lo, hi := float32(-d.uni(0, .15)), float32(d.uni(1, 1.3))
	gamma, slope, mid := 0.0, 0.0, 0.0
	if d.chance(.5) {
		gamma = math.Exp(d.gauss(0, .4))
	} else if d.chance(.5) {
		slope, mid = d.uni(2, 7), d.uni(.3, .6)
	}
	s.pic.each(func(x float32) float32 {
		t := float64(clamp(x, lo, hi))
		switch {
		case gamma > 0:
			t = math.Pow(max(t, 0), gamma)
		case slope > 0:
			t = 1 / (1 + math.Exp(-slope*(t-mid)))
		}
		return float32(1 - t)
	})
}

func (s *sheet) unsharp() {
	d := s.d
	sigma := math.Exp(d.uni(math.Log(.8), math.Log(25)))
	a := float32(d.uni(.2, 2.5))
	if sigma > 5 {
		a = float32(d.uni(.1, 1.2))
	}
	for i, b := range s.blur(s.pic, sigma).v {
		s.pic.v[i] += a * (s.pic.v[i] - b)
	}
}
