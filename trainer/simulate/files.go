package simulate

import (
	"image"
	"io"

	"dicomnode/internal/durable"
)

// invert inverts the picture.
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

// writePNG writes a picture whose pixels are mm wide.
func writePNG(path string, m image.Image, mm float64) error {
	return durable.Whole(path, 0o644, func(w io.Writer) error { return encodePNG(w, m, mm) })
}
