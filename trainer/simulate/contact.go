package simulate

import (
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/image/draw"
)

// ContactSheet writes a PNG with every step-th image of a data set folder beside its label (blue open
// beam, orange soft tissue, green bone, grey ignored), cell×cell pixels each, columns pairs in a row.
func ContactSheet(w io.Writer, dir string, step, columns, rows, cell int) error {
	if step < 1 || columns < 1 || rows < 1 || cell < 8 || columns*rows*cell*cell > 1<<25 {
		return fmt.Errorf("%w: contact sheet %d×%d of %d pixels, step %d", errOptions, columns, rows, cell, step)
	}
	pairs, err := readPairs(dir)
	if err != nil {
		return err
	}
	out := image.NewRGBA(image.Rect(0, 0, 2*cell*columns, cell*rows))
	for k := 0; k < columns*rows && k*step < len(pairs); k++ {
		for side, path := range pairs[k*step] {
			m, err := readPNG(filepath.Join(dir, path))
			if err != nil {
				return err
			}
			if side == 1 {
				m = coloured(m)
			} else {
				m = stretched(m)
			}
			x, y := (2*(k%columns)+side)*cell, k/columns*cell
			b := m.Bounds()
			f := float64(cell) / float64(max(b.Dx(), b.Dy()))
			r := image.Rect(x, y, x+int(f*float64(b.Dx())), y+int(f*float64(b.Dy())))
			draw.ApproxBiLinear.Scale(out, r, m, b, draw.Src, nil)
		}
	}
	return png.Encode(w, out)
}

// readPairs lists image and label of each row of dataset.csv, within the folder.
func readPairs(dir string) ([][2]string, error) {
	f, err := os.Open(filepath.Join(dir, "dataset.csv"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	var out [][2]string
	for i, r := range rows {
		if len(r) < 3 || i > 0 && !(filepath.IsLocal(r[1]) && filepath.IsLocal(r[2])) {
			return nil, fmt.Errorf("row %d of dataset.csv names no picture in the folder", i)
		}
		if i > 0 {
			out = append(out, [2]string{r[1], r[2]})
		}
	}
	return out, nil
}

func readPNG(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := png.DecodeConfig(f)
	if err != nil || c.Width*c.Height > 1<<26 {
		return nil, errors.Join(err, fmt.Errorf("read %s: %d×%d pixels", filepath.Base(path), c.Width, c.Height))
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return png.Decode(f)
}

func stretched(m image.Image) image.Image {
	b := m.Bounds()
	lo, hi := 65535, 0
	level := func(x, y int) int { return int(color.Gray16Model.Convert(m.At(x, y)).(color.Gray16).Y) }
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			lo, hi = min(lo, level(x, y)), max(hi, level(x, y))
		}
	}
	out := image.NewGray(b)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			out.SetGray(x, y, color.Gray{uint8((level(x, y) - lo) * 255 / max(hi-lo, 1))})
		}
	}
	return out
}

var classColours = [3]color.RGBA{{86, 180, 233, 255}, {230, 159, 0, 255}, {0, 158, 115, 255}}

func coloured(m image.Image) image.Image {
	b := m.Bounds()
	out := image.NewRGBA(b)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.RGBA{60, 60, 60, 255}
			if l := color.GrayModel.Convert(m.At(x, y)).(color.Gray).Y; int(l) < len(classColours) {
				c = classColours[l]
			}
			out.SetRGBA(x, y, c)
		}
	}
	return out
}
