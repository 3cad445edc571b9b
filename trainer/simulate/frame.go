package simulate

import "math"

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

// clip narrows the picture to the range of the anatomy and the air beside it and some room, as the window of
// most displayed images does. Unexposed borders, metal and lead are beyond it and become the grey at its end:
// real ones leave the bones' end 5 to 50 % of the picture's range.
func (s *sheet) clip() {
	d := s.d
	s.ends[0], s.ends[1] = s.pic.bounds()
	if !d.chance(.88) {
		return
	}
	shown := make([]bool, len(s.label))
	for i, l := range s.label {
		shown[i] = l <= labelBone && s.beam[i] && !s.outside[i] && (s.steel == nil || !s.steel[i])
	}
	q := s.pic.quantiles(shown, .001, .999)
	lo, hi := d.uni(0, .12), d.uni(0, .12)
	if d.chance(.75) {
		lo = d.uni(.05, .9)
	}
	s.ends = [2]float32{q[0] - (q[1]-q[0])*float32(lo), q[1] + (q[1]-q[0])*float32(hi)}
	s.pic.each(func(x float32) float32 { return clamp(x, s.ends[0], s.ends[1]) })
}

// frame adds what is no image: burned-in letters, shutters, strips of the detector's edge, drawn frames,
// rotated padding and the space beyond the map.
func (s *sheet) frame() {
	d := s.d
	lo, hi := s.ends[0], s.ends[1]
	either := func(p float64) float32 {
		if d.chance(p) {
			return lo
		}
		return hi
	}
	if s.shade != nil && d.chance(.62) {
		v := either(.14)
		if d.chance(.12) {
			v = lo + (hi-lo)*float32(d.Float64())
		}
		s.paint(s.shutter(), v)
	}
	if d.chance(.35) {
		s.strips(lo, hi)
	}
	if d.chance(.05) {
		s.padding(either(.4))
	}
	s.paint(s.outside, either(.5))
	if d.chance(.06) {
		s.rim(either(.5))
	}
	if s.burn != nil {
		for i, q := range s.burn.cover.v {
			s.pic.v[i] += q * (lo + (hi-lo)*s.burn.ink.v[i] - s.pic.v[i])
		}
	}
}

func (s *sheet) paint(m []bool, v float32) {
	for i, in := range m {
		if in {
			s.pic.v[i] = v
		}
	}
}

// shutter covers what the collimator shadowed, in an eighth of the images on one side of the picture only.
func (s *sheet) shutter() []bool {
	d := s.d
	out, edge := make([]bool, len(s.shade)), float32(d.uni(.1, .7))
	half := blade{at: 9}
	if d.chance(.12) {
		half = newBlade(d.uni(0, 2*math.Pi), d.uni(-.3, .3), 0)
	}
	for i, t := range s.shade {
		x, y := s.at(i)
		out[i] = t < edge && x*half.cos+y*half.sin < half.at
	}
	return out
}

// strips are borders of a detector or a scanned film: flat or speckled, some with a soft inner edge.
func (s *sheet) strips(lo, hi float32) {
	d := s.d
	var wide [4]float64
	for range d.between(1, 4) {
		t := d.uni(3, 20)
		if d.chance(.6) {
			t = d.uni(1, 4)
		}
		wide[d.IntN(4)] = t * s.unit
	}
	soft := 1.0
	if d.chance(.3) {
		soft = d.uni(1, 8) * s.unit
	}
	wave, rough := s.noiseMap(d.uni(2, 40)), max(0, d.uni(-1.5, 1))*s.unit
	texture, base, flat := s.noiseMap(10), float32(d.Float64()), d.chance(.6)
	if flat {
		base = float32(d.IntN(2))
	}
	for i := range s.pic.v {
		x, y := float64(i%s.w)+.5, float64(i/s.w)+.5
		in := max(wide[0]-x, wide[1]-float64(s.w)+x, wide[2]-y, wide[3]-float64(s.h)+y)
		q := clamp(float32((in+rough*float64(wave.v[i]))/soft+.5), 0, 1)
		if q <= 0 || in < -8*s.unit {
			continue
		}
		t := base
		if !flat {
			t = clamp(base+.1*texture.v[i], 0, 1)
		}
		s.pic.v[i] += q * (lo + (hi-lo)*t - s.pic.v[i])
		if q > .1 {
			s.label[i], s.covered[i] = labelIgnore, true
		}
	}
}

// padding is what a picture that was turned straight leaves in its corners.
func (s *sheet) padding(v float32) {
	sin, cos := math.Sincos(s.d.uni(-.8, .8))
	w, h := s.d.uni(.45, .95), s.d.uni(.6, 1.1)
	for i := range s.pic.v {
		x, y := s.at(i)
		if math.Abs(x*cos+y*sin) > w || math.Abs(y*cos-x*sin) > h {
			s.pic.v[i], s.label[i], s.covered[i] = v, labelIgnore, true
		}
	}
}

// rim draws a frame of one or two pixels, up to 5 % inside the picture's border.
func (s *sheet) rim(v float32) {
	d := s.d
	in, wide := int(math.Abs(d.gauss(0, 4))*s.unit), d.between(1, 3)
	for i := range s.pic.v {
		x, y := i%s.w, i/s.w
		if k := min(x, y, s.w-1-x, s.h-1-y); k >= in && k < in+wide {
			s.pic.v[i], s.label[i], s.covered[i] = v, labelIgnore, true
		}
	}
}

// exposed marks what the beam reached and nothing written over the picture hides: the exposed field.
func (s *sheet) exposed() []bool {
	out := make([]bool, len(s.beam))
	for i, b := range s.beam {
		out[i] = b && !s.covered[i] && !s.outside[i]
	}
	return out
}
