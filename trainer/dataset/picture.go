package dataset

import (
	"bufio"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"path/filepath"
)

// MaxPixels bounds the pixels of one image; larger ones are refused before
// anything is allocated for them.
const MaxPixels = 64 << 20

// Picture is an image as stored, with the open beam at the bright end.
type Picture struct {
	Pix        []float32 // Rows×Columns, 0..1 of the file's range, open beam high
	Label      []uint8   // Rows×Columns: 0, 1, 2 or 255
	Rows, Cols int
}

// Load reads an item's image and label at their own size.
func (f *Folder) Load(it Item) (*Picture, error) {
	img, err := f.decode(it.Image)
	if err != nil {
		return nil, fmt.Errorf("item %s: %w", it.ID, err)
	}
	lab, err := f.decode(it.Label)
	if err != nil {
		return nil, fmt.Errorf("item %s: %w", it.ID, err)
	}
	b := img.Bounds()
	if lab.Bounds().Dx() != b.Dx() || lab.Bounds().Dy() != b.Dy() {
		return nil, fmt.Errorf("item %s: the image is %d×%d, its label %d×%d", it.ID,
			b.Dx(), b.Dy(), lab.Bounds().Dx(), lab.Bounds().Dy())
	}
	p := &Picture{Pix: greys(img), Rows: b.Dy(), Cols: b.Dx()}
	if it.Polarity == AirDark {
		for i, v := range p.Pix {
			p.Pix[i] = 1 - v
		}
	}
	if p.Label, err = classes(lab); err != nil {
		return nil, fmt.Errorf("item %s: label %s: %w", it.ID, it.Label, err)
	}
	return p, nil
}

// decode reads a PNG inside the folder after checking its announced size.
func (f *Folder) decode(name string) (image.Image, error) {
	file, err := f.root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	cfg, err := png.DecodeConfig(bufio.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	if cfg.Width <= 0 || cfg.Height <= 0 || cfg.Width > MaxPixels/cfg.Height {
		return nil, fmt.Errorf("decode %s: %d×%d pixels are more than %d", name, cfg.Width, cfg.Height, MaxPixels)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	img, err := png.Decode(bufio.NewReaderSize(file, 1<<16))
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	return img, nil
}

// greys returns the samples as 0..1; colours are averaged without weights.
func greys(img image.Image) []float32 {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	out := make([]float32, w*h)
	for y := range h {
		row := out[y*w : (y+1)*w]
		switch m := img.(type) {
		case *image.Gray:
			for x, v := range m.Pix[y*m.Stride : y*m.Stride+w] {
				row[x] = float32(v) / 255
			}
		case *image.Gray16:
			for x := range row {
				i := y*m.Stride + 2*x
				row[x] = float32(uint16(m.Pix[i])<<8|uint16(m.Pix[i+1])) / 65535
			}
		default:
			for x := range row {
				r, g, bl, _ := img.At(b.Min.X+x, b.Min.Y+y).RGBA()
				row[x] = (float32(r) + float32(g) + float32(bl)) / (3 * 65535)
			}
		}
	}
	return out
}

// classes returns the label's values, or an error naming the first wrong pixel.
func classes(img image.Image) ([]uint8, error) {
	switch img.(type) {
	case *image.Gray, *image.Paletted:
	default:
		return nil, fmt.Errorf("is %T, want an 8-bit grey PNG", img)
	}
	b := img.Bounds()
	out := make([]uint8, 0, b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			v := color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y
			if v > Bone && v != Ignore {
				return nil, fmt.Errorf("value %d at column %d row %d, want 0, 1, 2 or 255", v, x-b.Min.X, y-b.Min.Y)
			}
			out = append(out, v)
		}
	}
	return out, nil
}
