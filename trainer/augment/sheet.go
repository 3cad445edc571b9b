package augment

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"maps"
	"slices"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"dicomnode/trainer/dataset"
)

// Sheet is the layout of a contact sheet.
type Sheet struct {
	Rows    int // of one body part each, in turn
	Columns int // pictures in a row
	Cell    int // pixels along a side
}

// DefaultSheet suits a screen.
var DefaultSheet = Sheet{Rows: 8, Columns: 6, Cell: 150}

// heading is the height of a row's text in pixels.
const heading = 15

// Write draws copies from a folder that [Run] made as PNG: each beside itself with
// its label laid over it (blue open beam, orange soft tissue, green bone, dark
// ignored).
func (s Sheet) Write(w io.Writer, f *dataset.Folder) error {
	if s.Rows < 1 || s.Columns < 1 || s.Cell < 16 || s.Rows*s.Columns*s.Cell*s.Cell > 1<<26 {
		return fmt.Errorf("%w: contact sheet of %d×%d pairs of %d pixels", ErrOptions, s.Rows, s.Columns, s.Cell)
	}
	rows := s.choose(f)
	if len(rows) == 0 {
		return ErrEmpty
	}
	out := image.NewRGBA(image.Rect(0, 0, 2*s.Cell*s.Columns, (s.Cell+heading)*len(rows)))
	draw.Draw(out, out.Rect, image.Black, image.Point{}, draw.Src)
	for r, row := range rows {
		y := r * (s.Cell + heading)
		write(out, y, row[0])
		for c, it := range row {
			if err := s.pair(out, f, it, image.Pt(2*c*s.Cell, y+heading)); err != nil {
				return err
			}
		}
	}
	return png.Encode(w, out)
}

// choose lists the pictures of each row: the first of every body part, then the
// next of every one, and so on. The copies of an origin stand together, as in the
// table.
func (s Sheet) choose(f *dataset.Folder) [][]dataset.Item {
	byPart := map[string][]dataset.Item{}
	for _, it := range f.Items {
		byPart[it.BodyPart] = append(byPart[it.BodyPart], it)
	}
	parts := slices.Sorted(maps.Keys(byPart))
	var rows [][]dataset.Item
	for first := 0; len(rows) < s.Rows; first += s.Columns {
		before := len(rows)
		for _, p := range parts {
			if copies := byPart[p]; first < len(copies) && len(rows) < s.Rows {
				rows = append(rows, copies[first:min(first+s.Columns, len(copies))])
			}
		}
		if len(rows) == before {
			break
		}
	}
	return rows
}

func write(out draw.Image, y int, it dataset.Item) {
	d := font.Drawer{Dst: out, Src: image.White, Face: basicfont.Face7x13, Dot: fixed.P(2, y+12)}
	d.DrawString(it.BodyPart + ": " + it.ID)
}

// pair draws a picture and, right of it, the picture under its label.
func (s Sheet) pair(out draw.Image, f *dataset.Folder, it dataset.Item, at image.Point) error {
	p, err := f.Load(it)
	if err != nil {
		return err
	}
	scale := float64(s.Cell-2) / float64(max(p.Rows, p.Cols))
	size := image.Pt(max(1, int(scale*float64(p.Cols))), max(1, int(scale*float64(p.Rows))))
	for k, m := range []image.Image{grey(p), tinted(p)} {
		to := image.Rectangle{Max: size}.Add(at).Add(image.Pt(k*s.Cell, 0))
		draw.ApproxBiLinear.Scale(out, to, m, m.Bounds(), draw.Src, nil)
	}
	return nil
}

// grey stretches the picture over the whole scale.
func grey(p *dataset.Picture) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, p.Cols, p.Rows))
	low, high := slices.Min(p.Pix), slices.Max(p.Pix)
	for i, v := range p.Pix {
		m.Pix[i] = uint8(255 * (v - low) / max(high-low, 1e-6))
	}
	return m
}

// tints are those of package segment's overlays, stronger.
var tints = [dataset.Classes]color.RGBA{{86, 180, 233, 255}, {230, 159, 0, 255}, {0, 158, 115, 255}}

func tinted(p *dataset.Picture) *image.RGBA {
	g := grey(p)
	m := image.NewRGBA(g.Rect)
	for i, v := range g.Pix {
		c := color.RGBA{40, 0, 40, 255}
		if l := p.Label[i]; int(l) < len(tints) {
			c = tints[l]
		}
		mix := func(t uint8) uint8 { return uint8((int(v) + int(t)) / 2) }
		m.SetRGBA(i%p.Cols, i/p.Cols, color.RGBA{mix(c.R), mix(c.G), mix(c.B), 255})
	}
	return m
}
