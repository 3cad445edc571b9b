package simulate

import (
	"image"
	"image/color"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

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
