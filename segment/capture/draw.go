package capture

import (
	"image"
	"image/color"
	"math"
)

// Picture is a radiograph as it is shown: 8-bit grey, row by row, bone bright.
type Picture struct {
	Rows, Columns int
	Grey          []uint8
}

// Layer is one region to be outlined, with its line in the legend.
type Layer struct {
	Label  string
	Mask   []bool // Rows×Columns of the picture
	Colour color.RGBA
	Line   Line
}

// Line is how an outline is drawn, so that regions are told apart without colours.
type Line uint8

// The lines.
const (
	Solid Line = iota
	Dashed
	Dotted
)

// Sides of the drawn picture without its legend, in pixels: a small picture is
// enlarged until the legend can be read, a large one is reduced, since nobody
// measures in it.
const (
	leastSide = 1024
	mostSide  = 2048
)

// scale is the factor from the source's pixels to those drawn.
func scale(rows, cols int) float64 {
	longest := float64(max(rows, cols))
	switch {
	case longest < leastSide:
		return leastSide / longest
	case longest > mostSide:
		return mostSide / longest
	}
	return 1
}

// Draw outlines the layers on p, darkens what lies outside field (nil: nothing
// does), and puts the legend with the notice below. Layers that come later are
// drawn over earlier ones.
func Draw(p Picture, field []bool, layers []Layer, notice string) *image.RGBA {
	f := scale(p.Rows, p.Columns)
	height, width := side(p.Rows, f), side(p.Columns, f)
	legend := newLegend(layers, notice, width, max(height, width))
	out := image.NewRGBA(image.Rect(0, 0, width, height+legend.height))
	grid := grid{p.Rows, p.Columns, height, width}
	grid.grey(out, p, field)
	pen := max(1, int(math.Round(float64(max(height, width))/700)))
	for _, l := range layers {
		grid.outline(out, l, pen, pen+2*max(1, pen/2), color.RGBA{A: 255})
	}
	for _, l := range layers {
		grid.outline(out, l, pen, pen, l.Colour)
	}
	legend.draw(out, height)
	return out
}

func side(n int, f float64) int { return max(1, int(math.Round(float64(n)*f))) }

// grid maps pixels of the drawn picture to those of the source.
type grid struct{ rows, cols, height, width int }

// at is the index of the source pixel that the drawn pixel shows.
func (g grid) at(x, y int) int { return y*g.rows/g.height*g.cols + x*g.cols/g.width }

// grey draws the radiograph. A reduced picture shows means, so that fine
// structure does not turn into a pattern.
func (g grid) grey(out *image.RGBA, p Picture, field []bool) {
	for y := range g.height {
		for x := range g.width {
			v := g.mean(p, x, y)
			if field != nil && !field[g.at(x, y)] {
				v /= 3
			}
			out.SetRGBA(x, y, color.RGBA{v, v, v, 255})
		}
	}
}

func (g grid) mean(p Picture, x, y int) uint8 {
	r0, r1 := y*g.rows/g.height, max((y+1)*g.rows/g.height, y*g.rows/g.height+1)
	c0, c1 := x*g.cols/g.width, max((x+1)*g.cols/g.width, x*g.cols/g.width+1)
	sum := 0
	for r := r0; r < r1; r++ {
		for _, v := range p.Grey[r*g.cols+c0 : r*g.cols+c1] {
			sum += int(v)
		}
	}
	return uint8(sum / ((r1 - r0) * (c1 - c0)))
}

// outline draws the border of a region, width pixels wide; dashes are counted in
// pens. It is drawn black and wider first: a line with a dark rim is seen on
// bright and on dark ground alike.
func (g grid) outline(out *image.RGBA, l Layer, pen, width int, c color.RGBA) {
	for y := range g.height {
		for x := range g.width {
			if l.Mask[g.at(x, y)] && g.border(l.Mask, x, y) && l.Line.inks(x, y, pen) {
				dot(out, x, y, width, g.height, c)
			}
		}
	}
}

// border: a neighbour inside the frame lies outside the mask.
func (g grid) border(mask []bool, x, y int) bool {
	return x > 0 && !mask[g.at(x-1, y)] || x+1 < g.width && !mask[g.at(x+1, y)] ||
		y > 0 && !mask[g.at(x, y-1)] || y+1 < g.height && !mask[g.at(x, y+1)]
}

// inks says whether a line has ink at a pixel: all of it, eight tenths of a
// stretch of ten pens, or three.
func (l Line) inks(x, y, pen int) bool {
	phase := (x + y) / pen % 10
	switch l {
	case Dashed:
		return phase < 7
	case Dotted:
		return phase < 3
	}
	return true
}

// dot fills a square of pen pixels around x, y, above row bottom.
func dot(out *image.RGBA, x, y, pen, bottom int, c color.RGBA) {
	half := pen / 2
	for dy := -half; dy < pen-half; dy++ {
		for dx := -half; dx < pen-half; dx++ {
			if y+dy < bottom {
				out.SetRGBA(x+dx, y+dy, c)
			}
		}
	}
}
