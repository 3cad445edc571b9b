package simulate

import (
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
)

func (s *sheet) labels() image.Image {
	g := image.NewGray(image.Rect(0, 0, s.w, s.h))
	copy(g.Pix, s.label)
	return g
}

// picture is 8 bits deep in two thirds of the samples, else 16; open beam bright.
func (s *sheet) picture() image.Image {
	s.stretch()
	r := image.Rect(0, 0, s.w, s.h)
	if s.d.chance(.67) {
		g := image.NewGray(r)
		for i, x := range s.pic.v {
			g.Pix[i] = uint8(clamp(x, 0, 1)*255 + .5)
		}
		return g
	}
	g := image.NewGray16(r)
	for i, x := range s.pic.v {
		v := uint16(clamp(x, 0, 1)*65535 + .5)
		g.Pix[2*i], g.Pix[2*i+1] = uint8(v>>8), uint8(v)
	}
	return g
}

// invert makes the negative.
func invert(m image.Image) {
	switch m := m.(type) {
	case *image.Gray:
		for i := range m.Pix {
			m.Pix[i] = ^m.Pix[i]
		}
	case *image.Gray16:
		for i := range m.Pix {
			m.Pix[i] = ^m.Pix[i]
		}
	}
}

// writePNG writes beside and renames, so that an interrupted run leaves no half picture.
func writePNG(path string, m image.Image) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	if err = errors.Join(e.Encode(f, m), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
