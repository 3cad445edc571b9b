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
			s.pic.v[i], s.label[i], s.covered[i] = lo+(hi-lo)*t, labelIgnore, true
		}
	}
}

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

// exposed marks what the beam reached and nothing written over the picture hides: the exposed field.
func (s *sheet) exposed() []bool {
	out := make([]bool, len(s.beam))
	for i, b := range s.beam {
		out[i] = b && !s.covered[i] && !s.outside[i]
	}
	return out
}
