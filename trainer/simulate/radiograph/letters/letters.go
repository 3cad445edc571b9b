// Package letters draws the text of markers and burned-in writing. The caller chooses its place
// and brightness in a radiograph.
package letters

import (
	"image"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"dicomnode/internal/raster"
	"dicomnode/trainer/simulate/random"
)

// Typefaces are the typefaces of markers and burned-in text.
var Typefaces = sync.OnceValue(func() (out []*opentype.Font) {
	for _, b := range [][]byte{gobold.TTF, goregular.TTF, gomono.TTF} {
		f, err := opentype.Parse(b)
		if err != nil {
			panic(err) // cannot happen: the typefaces are part of the program
		}
		out = append(out, f)
	}
	return out
})

// Write draws a line of text with capitals about height pixels high; the values are coverage, 0
// to 1.
func Write(text string, typeface int, height float64) raster.Plane {
	face, err := opentype.NewFace(Typefaces()[typeface], &opentype.FaceOptions{Size: max(height, 3) * 1.35, DPI: 72})
	if err != nil {
		panic(err) // only for options out of range
	}
	box, _ := font.BoundString(face, text)
	w, h := (box.Max.X-box.Min.X).Ceil()+2, (box.Max.Y-box.Min.Y).Ceil()+2
	img := image.NewAlpha(image.Rect(0, 0, max(w, 3), max(h, 3)))
	pen := font.Drawer{Dst: img, Src: image.Opaque, Face: face, Dot: fixed.Point26_6{X: fixed.I(1) - box.Min.X, Y: fixed.I(1) - box.Min.Y}}
	pen.DrawString(text)
	p := raster.New(img.Rect.Dx(), img.Rect.Dy())
	for i, a := range img.Pix {
		p.V[i] = float32(a) / 255
	}
	return p
}

// Word returns the text of a marker: usually a side, else a projection, a position, initials or
// a number.
func Word(d random.Dice) string {
	words := []string{"AP", "PA", "LAT", "OBL", "SUP", "UP", "ERECT", "STAND", "WB", "HB", "INT", "EXT", "DEC", "MOBILE", "IP", "ST", "LI", "RE", "D", "G", "I"}
	switch m := d.Float64(); {
	case m < .68:
		return string("LR"[d.IntN(2)])
	case m < .84:
		return words[d.IntN(len(words))]
	}
	return Jumble(d, d.Between(1, 4))
}

// Jumble returns n random letters and digits.
func Jumble(d random.Dice, n int) string {
	const signs = "ABCDEFGHJKLMNPRSTUVWXZ0123456789"
	out := make([]byte, n)
	for i := range out {
		out[i] = signs[d.IntN(len(signs))]
	}
	return string(out)
}
