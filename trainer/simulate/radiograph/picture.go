package radiograph

import (
	"image"

	"dicomnode/trainer/simulate/raster"
)

// Labels are the classes of trainer/dataset, one byte per pixel.
func (s *Sheet) Labels() image.Image {
	g := image.NewGray(image.Rect(0, 0, s.w, s.h))
	copy(g.Pix, s.label)
	return g
}

// Picture is 8 bits deep in two thirds of the samples, else 16; open beam bright.
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
