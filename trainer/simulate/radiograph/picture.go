package radiograph

import (
	"image"

	"dicomnode/internal/raster"
)

// Labels returns the classes of trainer/dataset, one byte per pixel.
func (s *Sheet) Labels() image.Image {
	g := image.NewGray(image.Rect(0, 0, s.w, s.h))
	copy(g.Pix, s.label)
	return g
}

// Picture returns the picture, open beam bright, with 8 bits in two thirds of the samples, else
// 16.
func (s *Sheet) Picture() image.Image {
	s.stretch()
	r := image.Rect(0, 0, s.w, s.h)
	if s.d.Chance(.67) {
		g := image.NewGray(r)
		for i, x := range s.pic.V {
			g.Pix[i] = uint8(raster.Clamp(x, 0, 1)*255 + .5)
		}
		return g
	}
	g := image.NewGray16(r)
	for i, x := range s.pic.V {
		v := uint16(raster.Clamp(x, 0, 1)*65535 + .5)
		g.Pix[2*i], g.Pix[2*i+1] = uint8(v>>8), uint8(v)
	}
	return g
}

// exposed marks pixels that the beam reached and nothing drawn over the picture covers.
func (s *Sheet) exposed() []bool {
	out := make([]bool, len(s.beam))
	for i, b := range s.beam {
		out[i] = b && !s.covered[i] && !s.outside[i]
	}
	return out
}

// Field returns the exposed field: 255 where the collimator passes at least 0.8 of the beam and
// no shutter, padding or frame covers the pixel, 0 elsewhere.
func (s *Sheet) Field() image.Image {
	m := image.NewGray(image.Rect(0, 0, s.w, s.h))
	for i, in := range s.exposed() {
		if in {
			m.Pix[i] = 255
		}
	}
	return m
}
