package simulate

import (
	"errors"
	"image"
	"io"
	"os"
	"path/filepath"
)

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

// writePNG writes a picture with pixels of mm.
func writePNG(path string, m image.Image, mm float64) error {
	return writeWhole(path, func(w io.Writer) error { return encodePNG(w, m, mm) })
}

// writeWhole writes beside and renames, so that an interrupted run leaves no half
// file. It does not sync: there are thousands of files, and each can be made again.
func writeWhole(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Chmod(0o644), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}
