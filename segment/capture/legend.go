package capture

import (
	"image"
	"image/color"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// legend names the layers and carries the notice, below the picture: nothing of
// the radiograph is covered.
type legend struct {
	layers []Layer
	notice []string
	face   font.Face
	line   int // height of one line of text
	margin int
	width  int
	height int
}

// goRegular is the typeface of the legend. It is part of the program, so parsing
// it cannot fail.
var goRegular, _ = opentype.Parse(goregular.TTF)

// newLegend lays the legend out for a picture of the given width. The text is a
// fortieth of the picture's longest side high, but small enough for the longest
// word to fit a narrow picture.
func newLegend(layers []Layer, notice string, width, longest int) *legend {
	size := float64(longest) / 40
	l := &legend{layers: layers, width: width}
	for {
		l.setSize(size)
		fits := l.wrap(notice)
		for _, layer := range layers {
			fits = fits && l.indent()+l.measure(layer.Label) <= width-l.margin
		}
		if fits || size < 8 {
			break
		}
		size *= 0.9
	}
	l.height = 2*l.margin + (len(layers)+len(l.notice))*l.line
	return l
}

func (l *legend) setSize(size float64) {
	l.face, _ = opentype.NewFace(goRegular, &opentype.FaceOptions{Size: size, DPI: 72}) // the options are valid
	l.line = l.face.Metrics().Height.Ceil()
	l.margin = l.line / 2
}

// indent is where a label starts, behind the sample of its line.
func (l *legend) indent() int { return 4 * l.margin }

func (l *legend) measure(s string) int { return font.MeasureString(l.face, s).Ceil() }

// wrap breaks the notice into lines, and reports whether each word fits.
func (l *legend) wrap(notice string) bool {
	l.notice = nil
	line, fits := "", true
	for _, word := range strings.Fields(notice) {
		longer := word
		if line != "" {
			longer = line + " " + word
		}
		if l.measure(longer) > l.width-2*l.margin && line != "" {
			l.notice = append(l.notice, line)
			longer = word
		}
		line = longer
		fits = fits && l.measure(word) <= l.width-2*l.margin
	}
	if line != "" {
		l.notice = append(l.notice, line)
	}
	return fits
}

// draw fills the black rows from top on.
func (l *legend) draw(out *RGB, top int) {
	y := top + l.margin
	for _, layer := range l.layers {
		l.sample(out, layer, y+l.line/2)
		l.text(out, layer.Label, l.indent(), y)
		y += l.line
	}
	for _, line := range l.notice {
		l.text(out, line, l.margin, y)
		y += l.line
	}
}

// sample is a stretch of the layer's line, long enough for two of its dashes.
func (l *legend) sample(out *RGB, layer Layer, y int) {
	from, to := l.margin, l.indent()-l.margin
	dash, thick := max(1, (to-from)/20), max(2, l.line/6)
	for x := from; x < to; x++ {
		for dy := range thick {
			if layer.Line.inks(x-from, 0, dash) {
				out.Set(x, y+dy-thick/2, layer.Colour)
			}
		}
	}
}

func (l *legend) text(out *RGB, s string, x, y int) {
	d := font.Drawer{Dst: out, Src: image.NewUniform(color.White), Face: l.face,
		Dot: fixed.P(x, y+l.face.Metrics().Ascent.Ceil())}
	d.DrawString(s)
}
