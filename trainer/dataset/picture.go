package dataset

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/image/tiff"
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
	img, err := f.decode(it.Image, pngFormat, tiffFormat)
	if err != nil {
		return nil, fmt.Errorf("item %s: %w", it.ID, err)
	}
	lab, err := f.decode(it.Label, pngFormat)
	if err != nil {
		return nil, fmt.Errorf("item %s: %w", it.ID, err)
	}
	b := img.Bounds()
	if lab.Bounds().Dx() != b.Dx() || lab.Bounds().Dy() != b.Dy() {
		return nil, fmt.Errorf("item %s: the image is %d×%d, its label %d×%d", it.ID,
			b.Dx(), b.Dy(), lab.Bounds().Dx(), lab.Bounds().Dy())
	}
	p := &Picture{Pix: Greys(img), Rows: b.Dy(), Cols: b.Dx()}
	p.airBright(it.Polarity)
	if p.Label, err = classes(lab); err != nil {
		return nil, fmt.Errorf("item %s: label %s: %w", it.ID, it.Label, err)
	}
	return p, nil
}

// airBright turns the scale round in 65,536 steps, so that a picture and its
// negative load as the same values, to the last bit.
func (p *Picture) airBright(polarity string) {
	if polarity == AirDark {
		for i, v := range p.Pix {
			p.Pix[i] = float32(65535-math.Round(65535*float64(v))) / 65535
		}
	}
}

// decode reads an image inside the folder.
func (f *Folder) decode(name string, formats ...format) (image.Image, error) {
	file, err := f.root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	img, err := decode(file, formats)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	return img, nil
}

// format is a picture format, known by its first bytes, at most four.
type format struct {
	name   string
	magic  []string
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// The formats of images; labels are PNG only, and no data set holds JPEG. Where a TIFF says that zero is
// white, its values are turned over, as for display.
var (
	pngFormat  = format{"PNG", []string{"\x89PNG"}, png.DecodeConfig, png.Decode}
	tiffFormat = format{"TIFF", []string{"II*\x00", "MM\x00*"}, tiff.DecodeConfig, tiff.Decode}
	jpegFormat = format{"JPEG", []string{"\xff\xd8\xff"}, jpeg.DecodeConfig, jpeg.Decode}
)

// ErrFormat is a file in none of the formats of a data set.
var ErrFormat = errors.New("unknown picture format")

// DecodePicture reads a PNG or TIFF of at most [MaxPixels] pixels. It returns
// [ErrFormat] for anything else.
func DecodePicture(r io.ReadSeeker) (image.Image, error) {
	return decode(r, []format{pngFormat, tiffFormat})
}

// DecodeShown reads a PNG, TIFF or JPEG as [DecodePicture] does, for display; data sets have no
// JPEG.
func DecodeShown(r io.ReadSeeker) (image.Image, error) {
	return decode(r, []format{pngFormat, tiffFormat, jpegFormat})
}

// decode checks the announced size before anything is allocated for it.
func decode(r io.ReadSeeker, formats []format) (img image.Image, err error) {
	defer func() { // a decoder of others that panics has met a malformed file
		if recover() != nil {
			img, err = nil, errors.New("the decoder panicked")
		}
	}()
	f, err := formatOf(r, formats)
	if err != nil {
		return nil, err
	}
	cfg, err := f.config(bufio.NewReader(r))
	if err != nil {
		return nil, err
	}
	if cfg.Width <= 0 || cfg.Height <= 0 || cfg.Width > MaxPixels/cfg.Height {
		return nil, fmt.Errorf("%d×%d pixels are more than %d", cfg.Width, cfg.Height, MaxPixels)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return f.decode(bufio.NewReaderSize(r, 1<<16))
}

// formatOf finds the format of r and goes back to its start.
func formatOf(r io.ReadSeeker, formats []format) (format, error) {
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return format{}, err
	}
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
		if slices.ContainsFunc(f.magic, func(m string) bool { return strings.HasPrefix(string(magic[:]), m) }) {
			_, err := r.Seek(0, io.SeekStart)
			return f, err
		}
	}
	return format{}, fmt.Errorf("%w: want %s", ErrFormat, strings.Join(names, " or "))
}

// Greys returns the samples row by row as 0..1; colours are averaged without
// weights.
func Greys(img image.Image) []float32 {
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
	out, err := labelValues(img)
	if err != nil {
		return nil, err
	}
	for i, v := range out {
		if v > Bone && v != Ignore {
			w := img.Bounds().Dx()
			return nil, fmt.Errorf("value %d at column %d row %d, want 0, 1, 2 or 255", v, i%w, i/w)
		}
	}
	return out, nil
}

// labelValues returns an 8-bit grey picture row by row.
func labelValues(img image.Image) ([]uint8, error) {
	switch img.(type) {
	case *image.Gray, *image.Paletted:
	default:
		return nil, fmt.Errorf("is %T, want an 8-bit grey PNG", img)
	}
	b := img.Bounds()
	out := make([]uint8, 0, b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		if g, ok := img.(*image.Gray); ok {
			i := g.PixOffset(b.Min.X, y)
			out = append(out, g.Pix[i:i+b.Dx()]...)
			continue
		}
		for x := b.Min.X; x < b.Max.X; x++ {
			out = append(out, color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
		}
	}
	return out, nil
}
