package radiograph

import (
	"math"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
)

func (s *Sheet) lines() {
	lo, hi := s.pic.Bounds()
	a := float32(s.d.Uni(.005, .04)) * (hi - lo)
	g := raster.New(s.d.Between(8, 100), 1)
	for i := range g.V {
		g.V[i] = float32(s.d.NormFloat64())
	}
	g = g.Enlarge(s.w, 1)
	for i := range s.pic.V {
		s.pic.V[i] += a * g.V[i%s.w]
	}
}

// clip limits the picture to the range of the anatomy and the surrounding air plus a margin, as
// the window of most displayed images does. Unexposed borders, metal and lead are beyond it and
// get the grey level at its end. The margin at the bones' end is usually 5 to 50 % of the
// range, as in real pictures.
func (s *Sheet) clip() {
	d := s.d
	s.ends[0], s.ends[1] = s.pic.Bounds()
	if !d.Chance(.88) {
		return
	}
	shown := make([]bool, len(s.label))
	for i, l := range s.label {
		shown[i] = l <= dataset.Bone && s.beam[i] && !s.outside[i] && (s.steel == nil || !s.steel[i])
	}
	q := s.pic.Quantiles(shown, .001, .999)
	lo, hi := d.Uni(0, .12), d.Uni(0, .12)
	if d.Chance(.75) {
		lo = d.Uni(.05, .9)
	}
	s.ends = [2]float32{q[0] - (q[1]-q[0])*float32(lo), q[1] + (q[1]-q[0])*float32(hi)}
	s.pic.Each(func(x float32) float32 { return raster.Clamp(x, s.ends[0], s.ends[1]) })
}

// frame adds what is not part of the image: burned-in letters, shutters, strips at the
// detector's edge, drawn frames, rotated padding and the area beyond the map.
func (s *Sheet) frame() {
	d := s.d
	lo, hi := s.ends[0], s.ends[1]
	either := func(p float64) float32 {
		if d.Chance(p) {
			return lo
		}
		return hi
	}
	if s.shade != nil && d.Chance(.62) {
		v := either(.14)
		if d.Chance(.12) {
			v = lo + (hi-lo)*float32(d.Float64())
		}
		s.paint(s.shutter(), v)
	}
	if d.Chance(.35) {
		s.strips(lo, hi)
	}
	if d.Chance(.05) {
		s.padding(either(.4))
	}
	s.paint(s.unmapped, either(.5))
	if d.Chance(.06) {
		s.rim(either(.5))
	}
	if s.burn != nil {
		for i, q := range s.burn.cover.V {
			s.pic.V[i] += q * (lo + (hi-lo)*s.burn.ink.V[i] - s.pic.V[i])
		}
	}
}

func (s *Sheet) paint(m []bool, v float32) {
	for i, in := range m {
		if in {
			s.pic.V[i] = v
		}
	}
}

// shutter covers what the collimator shadows, in an eighth of the images on one side of the
// picture only.
func (s *Sheet) shutter() []bool {
	d := s.d
	out, edge := make([]bool, len(s.shade)), float32(d.Uni(.1, .7))
	half := blade{at: 9}
	if d.Chance(.12) {
		half = newBlade(d.Uni(0, 2*math.Pi), d.Uni(-.3, .3), 0)
	}
	for i, t := range s.shade {
		x, y := s.at(i)
		out[i] = t < edge && x*half.cos+y*half.sin < half.at
	}
	return out
}

// strips adds borders of a detector or a scanned film: flat or speckled, some with a soft inner
// edge.
func (s *Sheet) strips(lo, hi float32) {
	d := s.d
	var wide [4]float64
	for range d.Between(1, 4) {
		t := d.Uni(3, 20)
		if d.Chance(.6) {
			t = d.Uni(1, 4)
		}
		wide[d.IntN(4)] = t * s.unit
	}
	soft := 1.0
	if d.Chance(.3) {
		soft = d.Uni(1, 8) * s.unit
	}
	wave, rough := s.noiseMap(d.Uni(2, 40)), max(0, d.Uni(-1.5, 1))*s.unit
	texture, base, flat := s.noiseMap(10), float32(d.Float64()), d.Chance(.6)
	if flat {
		base = float32(d.IntN(2))
	}
	for i := range s.pic.V {
		x, y := float64(i%s.w)+.5, float64(i/s.w)+.5
		in := max(wide[0]-x, wide[1]-float64(s.w)+x, wide[2]-y, wide[3]-float64(s.h)+y)
		q := raster.Clamp(float32((in+rough*float64(wave.V[i]))/soft+.5), 0, 1)
		if q <= 0 || in < -8*s.unit {
			continue
		}
		t := base
		if !flat {
			t = raster.Clamp(base+.1*texture.V[i], 0, 1)
		}
		s.pic.V[i] += q * (lo + (hi-lo)*t - s.pic.V[i])
		if q > .1 {
			s.label[i], s.covered[i] = dataset.Ignore, true
		}
	}
}

// padding fills the corners that are left when a picture is rotated upright.
func (s *Sheet) padding(v float32) {
	sin, cos := math.Sincos(s.d.Uni(-.8, .8))
	w, h := s.d.Uni(.45, .95), s.d.Uni(.6, 1.1)
	for i := range s.pic.V {
		x, y := s.at(i)
		if math.Abs(x*cos+y*sin) > w || math.Abs(y*cos-x*sin) > h {
			s.pic.V[i], s.label[i], s.covered[i] = v, dataset.Ignore, true
		}
	}
}

// rim draws a frame of one or two pixels, up to 5 % inside the picture's border.
func (s *Sheet) rim(v float32) {
	d := s.d
	in, wide := int(math.Abs(d.Gauss(0, 4))*s.unit), d.Between(1, 3)
	for i := range s.pic.V {
		x, y := i%s.w, i/s.w
		if k := min(x, y, s.w-1-x, s.h-1-y); k >= in && k < in+wide {
			s.pic.V[i], s.label[i], s.covered[i] = v, dataset.Ignore, true
		}
	}
}
