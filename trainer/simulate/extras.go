package simulate

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

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
