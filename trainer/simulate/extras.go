package simulate

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// cast wraps 9 % of the limbs in plaster or fibreglass: a shell that is denser at its edges, with weave,
// folds and grain. What it covers outside the skin counts as soft tissue.
func (s *sheet) cast() {
	d := s.d
	if !d.chance(.09) {
		return
	}
	k := float32(d.uni(2, 14) * s.unit)
	sin, cos := math.Sincos(d.uni(0, 2*math.Pi))
	end := d.uni(-.9, .4)
	in := make([]bool, len(s.body))
	for i, away := range distance(inverse(s.body), s.w, s.h) {
		x, y := s.at(i)
		in[i] = away <= k && x*cos+y*sin > end
	}
	depth := distance(in, s.w, s.h)
	edge := newPlane(s.w, s.h)
	for i, b := range in {
		if b {
			edge.v[i] = 1
		}
	}
	edge = s.blur(edge, 1)
	base, weave := float32(d.uni(.05, .35)), s.weave(cos, sin)
	for i, e := range edge.v {
		r := depth[i] - k*.5
		shell := 1 + .8*exp32(-r*r/(.5*k*k+1))
		s.path.v[i] += base * e * shell * weave.v[i]
		if in[i] && s.label[i] == labelOpen {
			s.label[i], s.body[i] = labelSoft, true
		}
	}
}

// weave is the relative density of a bandage: turns, fibres, folds, lumps and grain.
func (s *sheet) weave(cos, sin float64) plane {
	d := s.d
	lumps, bend, folds, grain := s.noiseMap(d.uni(3, 10)), s.noiseMap(30), s.noiseMap(d.uni(8, 25)), s.noiseMap(1.2)
	lump, turn, fibre := d.uni(0, .4), d.uni(0, .3), d.uni(0, .3)
	fold, coarse := d.uni(0, .8), d.uni(0, .3)
	f1, f2, tilt := d.uni(.3, 1.2), d.uni(1, 2.2), d.gauss(0, .3)
	r := float64(max(s.w, s.h)) / 2 / s.unit
	out := newPlane(s.w, s.h)
	for i := range out.v {
		x, y := s.at(i)
		a, c, b := (x*cos+y*sin)*r, (y*cos-x*sin)*r, 2*float64(bend.v[i])
		ridge := float64(folds.v[i]) / .12
		v := 1 + lump*float64(lumps.v[i]) + turn*math.Sin(a*f1+b) + fibre*math.Sin((a+tilt*c)*f2+b)*math.Sin((c-tilt*a)*f2) +
			fold*math.Exp(-ridge*ridge) + coarse*float64(grain.v[i])
		out.v[i] = float32(min(max(v, .2), 3))
	}
	return out
}

func inverse(m []bool) []bool {
	out := make([]bool, len(m))
	for i, b := range m {
		out[i] = !b
	}
	return out
}

// metal puts one to four wires, nails or plates into 10 % of the bones; metal counts as bone.
func (s *sheet) metal() {
	d := s.d
	if !d.chance(.10) {
		return
	}
	var bones []int
	for i, t := range s.bone.v {
		if t > .7 {
			bones = append(bones, i)
		}
	}
	if len(bones) == 0 {
		return
	}
	s.steel = make([]bool, len(s.label))
	rod, density := newPlane(s.w, s.h), float32(d.uni(1, 5))
	for range d.between(1, 5) {
		i := bones[d.IntN(len(bones))]
		sin, cos := math.Sincos(d.uni(0, math.Pi))
		l, half := d.uni(4, 30)*s.unit, d.uni(.5, 3)*s.unit
		x, y := float64(i%s.w), float64(i/s.w)
		bx, by := d.gauss(0, 2)*s.unit, d.gauss(0, 2)*s.unit
		rod.stroke(x-l*cos, y-l*sin, x+bx, y+by, half)
		rod.stroke(x+bx, y+by, x+l*cos, y+l*sin, half)
	}
	for i, q := range rod.v {
		if s.body[i] {
			s.path.v[i] += q * density
			if q > .5 {
				s.label[i], s.steel[i] = labelBone, true
			}
		}
	}
}

// stroke draws a line of the given half width, softened over one pixel.
func (p plane) stroke(x0, y0, x1, y1, half float64) {
	dx, dy := x1-x0, y1-y0
	l2 := max(dx*dx+dy*dy, 1e-9)
	for y := max(0, int(min(y0, y1)-half-1)); y <= min(p.h-1, int(max(y0, y1)+half+2)); y++ {
		for x := max(0, int(min(x0, x1)-half-1)); x <= min(p.w-1, int(max(x0, x1)+half+2)); x++ {
			fx, fy := float64(x), float64(y)
			t := min(max(((fx-x0)*dx+(fy-y0)*dy)/l2, 0), 1)
			away := math.Hypot(fx-x0-t*dx, fy-y0-t*dy)
			p.v[y*p.w+x] = max(p.v[y*p.w+x], clamp(float32(half-away+.5), 0, 1))
		}
	}
}

// marker lays a lead letter, sometimes on a plate, or burns one in; it is ignored by the label.
func (s *sheet) marker() {
	d := s.d
	if !d.chance(.4) {
		return
	}
	tile := s.letter()
	x0, y0 := d.between(2, max(3, s.w-tile.w-2)), d.between(2, max(3, s.h-tile.h-2))
	lead, density, keepBody := d.chance(.6), float32(d.uni(.5, 5)), d.chance(.5)
	if !lead {
		s.burn = make([]bool, len(s.label))
	}
	for y := range min(tile.h, s.h-y0) {
		for x := range min(tile.w, s.w-x0) {
			i, q := (y0+y)*s.w+x0+x, tile.v[y*tile.w+x]
			if lead {
				s.path.v[i] += q * density
			} else {
				s.burn[i] = q > .3
			}
			if q > .05 && !(s.body[i] && keepBody && !lead && q <= .3) {
				s.label[i] = labelIgnore
			}
		}
	}
}

func (s *sheet) letter() plane {
	d := s.d
	img := image.NewGray(image.Rect(0, 0, 11, 15))
	dr := font.Drawer{Dst: img, Src: image.NewUniform(color.White), Face: basicfont.Face7x13, Dot: fixed.P(2, 12)}
	dr.DrawString(string("LRPAM"[d.IntN(5)]))
	small, plate := newPlane(11, 15), float32(0)
	if d.chance(.4) {
		plate = float32(d.uni(.1, .8))
	}
	for i, g := range img.Pix {
		small.v[i] = max(float32(g)/255, plate)
	}
	if d.chance(.5) {
		for y := range 15 {
			for x := range 5 {
				a, b := y*11+x, y*11+10-x
				small.v[a], small.v[b] = small.v[b], small.v[a]
			}
		}
	}
	k := d.uni(.7, 2) * s.unit
	return small.enlarge(max(4, int(11*k)), max(5, int(15*k)))
}

// collimate shadows up to four straight, perhaps turned, sides or a round border in 62 % of the images.
// What gets less than 0.8 of the beam is ignored.
func (s *sheet) collimate(I plane) {
	d := s.d
	s.beam = make([]bool, len(I.v))
	for i := range s.beam {
		s.beam[i] = true
	}
	if !d.chance(.62) {
		return
	}
	c := s.shutters()
	if share(c, .5) < .12 {
		return
	}
	s.shade = c.v
	leak := float32(d.pick(0, .003, .02, .06) * d.uni(.5, 1.5))
	for i, t := range c.v {
		I.v[i] = I.v[i]*t + leak*exp32(-.3*s.path.v[i])*(1-t)
		if s.beam[i] = t >= .8; !s.beam[i] {
			s.label[i] = labelIgnore
		}
	}
}

func (s *sheet) shutters() plane {
	d := s.d
	a := d.gauss(0, .05)
	if d.chance(.25) {
		a = d.uni(-.8, .8)
	}
	sin, cos := math.Sincos(a)
	pen := d.uni(.3, 4) / 100
	if d.chance(.2) {
		pen = d.uni(4, 10) / 100
	}
	p := d.pick(.3, .6, 1)
	var edge [4]float64
	for k := range edge {
		if edge[k] = 9; d.chance(p) || k == 3 && edge[0]+edge[1]+edge[2] == 27 {
			in := d.uni(5, 60)
			if d.chance(.5) {
				in = d.uni(1, 12)
			}
			size := float64([2]int{s.w, s.h}[k/2]) / float64(max(s.w, s.h))
			edge[k] = (1 - in/100) * size
		}
	}
	round := 9.0
	if d.chance(.06) {
		round = d.uni(.7, 1.15)
	}
	out := newPlane(s.w, s.h)
	for i := range out.v {
		x, y := s.at(i)
		X, Y := x*cos+y*sin, y*cos-x*sin
		t := 1.0
		for k, q := range [5]float64{X, -X, Y, -Y, math.Hypot(X, Y)} {
			e := round
			if k < 4 {
				e = edge[k]
			}
			t /= 1 + math.Exp(min(max((q-e)/pen*2, -30), 30))
		}
		out.v[i] = float32(t)
	}
	return out
}
