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
	hi := q[1] + float32(d.uni(-.1, .5))*(q[2]-lo)
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

// equalise mixes in a histogram equalisation: tiled and limited (CLAHE) in 9 %, global in 5 %.
func (s *sheet) equalise() {
	d := s.d
	m := d.Float64()
	if m >= .14 {
		return
	}
	s.stretch()
	tiles, limit := d.between(2, 9), d.uni(1, 4)
	if m >= .09 {
		tiles, limit = 1, 1e9
	}
	e, a := s.pic.clahe(tiles, limit), float32(d.uni(.4, 1))
	for i, x := range s.pic.v {
		s.pic.v[i] = a*e.v[i] + (1-a)*x
	}
}

// clahe equalises values of 0..1 in tiles×tiles tiles, histogram bins limited to limit times the mean,
// and interpolates between the tiles' curves (Zuiderveld 1994).
func (p plane) clahe(tiles int, limit float64) plane {
	curves := make([][256]float32, tiles*tiles)
	for t := range curves {
		x0, x1 := (t%tiles)*p.w/tiles, (t%tiles+1)*p.w/tiles
		y0, y1 := (t/tiles)*p.h/tiles, (t/tiles+1)*p.h/tiles
		var bins [256]float64
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				bins[int(clamp(p.v[y*p.w+x], 0, 1)*255)]++
			}
		}
		curves[t] = cumulate(bins, float64((x1-x0)*(y1-y0)), limit)
	}
	out := newPlane(p.w, p.h)
	for i, v := range p.v {
		b := int(clamp(v, 0, 1) * 255)
		gx := clamp((float32(i%p.w)+.5)*float32(tiles)/float32(p.w)-.5, 0, float32(tiles-1))
		gy := clamp((float32(i/p.w)+.5)*float32(tiles)/float32(p.h)-.5, 0, float32(tiles-1))
		x, y := int(gx), int(gy)
		x1, y1 := min(x+1, tiles-1), min(y+1, tiles-1)
		fx, fy := gx-float32(x), gy-float32(y)
		top := curves[y*tiles+x][b]*(1-fx) + curves[y*tiles+x1][b]*fx
		low := curves[y1*tiles+x][b]*(1-fx) + curves[y1*tiles+x1][b]*fx
		out.v[i] = top*(1-fy) + low*fy
	}
	return out
}

func cumulate(bins [256]float64, n, limit float64) (out [256]float32) {
	most, over := limit*n/256, 0.0
	for i, b := range bins {
		if b > most {
			over += b - most
			bins[i] = most
		}
	}
	sum := 0.0
	for i, b := range bins {
		sum += b + over/256
		out[i] = float32(sum / max(n, 1))
	}
	return out
}

func (s *sheet) lines() {
	lo, hi := s.pic.bounds()
	a := float32(s.d.uni(.005, .04)) * (hi - lo)
	g := newPlane(s.d.between(8, 100), 1)
	for i := range g.v {
		g.v[i] = float32(s.d.NormFloat64())
	}
	g = g.enlarge(s.w, 1)
	for i := range s.pic.v {
		s.pic.v[i] += a * g.v[i%s.w]
	}
}

// frame adds what is no image: burned-in letters, shutters, strips of the detector's edge, rotated
// padding and the space beyond the map.
func (s *sheet) frame() {
	d := s.d
	lo, hi := s.pic.bounds()
	either := func(p float64) float32 {
		if d.chance(p) {
			return lo
		}
		return hi
	}
	if s.burn != nil {
		v := either(.7)
		for i, b := range s.burn {
			if b {
				s.pic.v[i] = v
			}
		}
	}
	if s.shade != nil && d.chance(.45) {
		edge, v := float32(d.uni(.1, .7)), either(.5)
		if d.chance(.15) {
			v = lo + (hi-lo)*float32(d.Float64())
		}
		for i, t := range s.shade {
			if t < edge {
				s.pic.v[i] = v
			}
		}
	}
	if d.chance(.35) {
		s.strips(lo, hi)
	}
	if d.chance(.05) {
		s.padding(either(.4))
	}
	v := either(.6)
	for i, o := range s.outside {
		if o {
			s.pic.v[i] = v
		}
	}
}

func (s *sheet) strips(lo, hi float32) {
	d := s.d
	var wide [4]int
	for range d.between(1, 4) {
		t := d.uni(3, 20)
		if d.chance(.6) {
			t = d.uni(1, 4)
		}
		wide[d.IntN(4)] = int(t * s.unit)
	}
	texture, base, flat := s.noiseMap(10), float32(d.Float64()), d.chance(.6)
	if flat {
		base = float32(d.IntN(2))
	}
	for i := range s.pic.v {
		x, y := i%s.w, i/s.w
		if x < wide[0] || s.w-1-x < wide[1] || y < wide[2] || s.h-1-y < wide[3] {
			t := base
			if !flat {
				t = clamp(base+.1*texture.v[i], 0, 1)
			}
			s.pic.v[i], s.label[i] = lo+(hi-lo)*t, labelIgnore
		}
	}
}

func (s *sheet) padding(v float32) {
	sin, cos := math.Sincos(s.d.uni(-.8, .8))
	w, h := s.d.uni(.45, .95), s.d.uni(.6, 1.1)
	for i := range s.pic.v {
		x, y := s.at(i)
		if math.Abs(x*cos+y*sin) > w || math.Abs(y*cos-x*sin) > h {
			s.pic.v[i], s.label[i] = v, labelIgnore
		}
	}
}
