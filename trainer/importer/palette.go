package importer

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"strconv"
	"strings"

	"dicomnode/internal/option"
	"dicomnode/trainer/dataset"
)

// rgb is a colour, 8 bits per channel, sRGB.
type rgb [3]uint8

// transparent stands for pixels that show less than half of themselves.
var transparent = rgb{}

// Palette has the classes of the colours of painted labels.
type Palette struct {
	// Tolerance is by how much a channel may differ, 0 to 255.
	Tolerance int

	inks []ink
}

// ink is a colour with its class.
type ink struct {
	name   string
	class  uint8
	colour rgb
	clear  bool // the colour is transparency
}

// ErrPalette means that the colours of a palette cannot be distinguished.
var ErrPalette = errors.New("invalid colours")

// paints are the options that colours of the classes are given by.
var paints = [dataset.Classes]string{"open-beam", "soft-tissue", "bone"}

// NewPalette takes colours as #rrggbb or #rgb; ignore lists those of pixels that
// are not scored, the word "transparent" among them for unpainted ones.
func NewPalette(openBeam, softTissue, bone string, ignore []string, tolerance int) (Palette, error) {
	p := Palette{Tolerance: tolerance}
	if tolerance < 0 || tolerance > 255 {
		return p, fmt.Errorf("%w: %w", ErrPalette, option.Refuse("tolerance", "%d: want 0 to 255", tolerance))
	}
	names := append([]string{openBeam, softTissue, bone}, ignore...)
	for i, name := range names {
		class, of := uint8(dataset.Ignore), "ignore"
		if i < dataset.Classes {
			class, of = uint8(i), paints[i]
		}
		if err := p.add(name, class); err != nil {
			return p, fmt.Errorf("%w: %w", ErrPalette, option.Refuse(of, "%w", err))
		}
	}
	return p, p.distinct()
}

func (p *Palette) add(name string, class uint8) error {
	if class == dataset.Ignore && name == "transparent" {
		p.inks = append(p.inks, ink{name, class, transparent, true})
		return nil
	}
	c, err := parseColour(name)
	if err != nil {
		return err
	}
	p.inks = append(p.inks, ink{name, class, c, false})
	return nil
}

func parseColour(name string) (rgb, error) {
	digits := strings.TrimPrefix(name, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	v, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || len(digits) != 6 {
		return rgb{}, fmt.Errorf("%q: want a colour such as #ff8000", name)
	}
	return rgb{uint8(v >> 16), uint8(v >> 8), uint8(v)}, nil
}

func (c rgb) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// distinct: no colour may be within the tolerance of two classes.
func (p *Palette) distinct() error {
	for i, a := range p.inks {
		for _, b := range p.inks[:i] {
			if a.clear == b.clear && a.class != b.class && a.colour.distance(b.colour) <= 2*p.Tolerance {
				return fmt.Errorf("%w: %w", ErrPalette, option.Refuse("tolerance", "%d: %s and %s differ by %d", p.Tolerance, b.name, a.name, a.colour.distance(b.colour)))
			}
		}
	}
	return nil
}

// distance is the largest difference in a channel.
func (c rgb) distance(d rgb) int {
	most := 0
	for k := range c {
		most = max(most, int(c[k])-int(d[k]), int(d[k])-int(c[k]))
	}
	return most
}

// match is the index of the ink that a pixel was painted with, -1 without one.
func (p *Palette) match(c rgb, clear bool) int {
	best, least := -1, p.Tolerance+1
	for i, k := range p.inks {
		if d := c.distance(k.colour); k.clear == clear && (clear || d < least) {
			best, least = i, d
		}
	}
	return best
}

// mixing are the ways programs blend two colours at an edge: of the stored values,
// or of light.
var mixing = []struct{ to, from func(float64) float64 }{
	{func(v float64) float64 { return v }, func(v float64) float64 { return v }},
	{func(v float64) float64 { return math.Pow(v, 2.2) }, func(v float64) float64 { return math.Pow(v, 1/2.2) }},
}

// blendSlack is how far rounding and other transfer curves take a blended colour
// from where mixing puts it.
const blendSlack = 10

// blends reports whether c lies between a and b.
func (p *Palette) blends(c, a, b rgb) bool {
	for _, m := range mixing {
		for t := range 33 {
			share := float64(t) / 32
			var mixed rgb
			for k := range mixed {
				v := m.to(float64(a[k])/255)*(1-share) + m.to(float64(b[k])/255)*share
				mixed[k] = uint8(255*m.from(v) + 0.5)
			}
			if c.distance(mixed) <= p.Tolerance+blendSlack {
				return true
			}
		}
	}
	return false
}

// colours returns the picture row by row, and which pixels are transparent.
func colours(m image.Image) (c []rgb, clear []bool) {
	b := m.Bounds()
	c, clear = make([]rgb, 0, b.Dx()*b.Dy()), make([]bool, 0, b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			v := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			if v.A < 128 {
				c, clear = append(c, transparent), append(clear, true)
				continue
			}
			c, clear = append(c, rgb{v.R, v.G, v.B}), append(clear, false)
		}
	}
	return c, clear
}
