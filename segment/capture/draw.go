package capture

import (
	"image"
	"image/color"
	"math"

	"dicomnode/internal/raster"
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
	minSide = 1024
	maxSide = 2048
)

// scale is the factor from the source's pixels to those drawn.
func scale(rows, cols int) float64 {
	longest := float64(max(rows, cols))
	switch {
	case longest < minSide:
		return minSide / longest
	case longest > maxSide:
		return maxSide / longest
	}
	return 1
}

// Draw outlines the layers on p, darkens what lies outside field (nil: nothing
// does), and puts the legend with the notice below. Layers that come later are
// drawn over earlier ones.
func Draw(p Picture, field []bool, layers []Layer, notice string) *RGB {
	f := scale(p.Rows, p.Columns)
	height, width := side(p.Rows, f), side(p.Columns, f)
	legend := newLegend(layers, notice, width, max(height, width))
	out := newRGB(width, height+legend.height)
	g := newGrid(p.Rows, p.Columns, height, width)
	g.grey(out, p, field)
	pen := max(1, int(math.Round(float64(max(height, width))/700)))
	borders := make([][]image.Point, len(layers))
	for i, l := range layers {
		borders[i] = g.border(l, pen)
		stroke(out, borders[i], pen+2*max(1, pen/2), height, color.RGBA{A: 255})
	}
	for i, l := range layers {
		stroke(out, borders[i], pen, height, l.Colour)
	}
	legend.draw(out, height)
	return out
}

func side(n int, f float64) int { return max(1, int(math.Round(float64(n)*f))) }

// grid maps pixels of the drawn picture to those of the source.
type grid struct {
	rows, cols, height, width int
	row, col                  []int // of the source, for each drawn row and column, and one more
}

func newGrid(rows, cols, height, width int) grid {
	return grid{rows, cols, height, width, steps(rows, height), steps(cols, width)}
}

// steps are the first of n source pixels that each of m drawn pixels shows, and n.
func steps(n, m int) []int {
	out := make([]int, m+1)
	for k := range out {
		out[k] = k * n / m
	}
	return out
}

// grey draws the radiograph. A reduced picture shows means, so that fine
// structure does not turn into a pattern.
func (g grid) grey(out *RGB, p Picture, field []bool) {
	raster.Parallel(g.height, func(y int) {
		line := out.Pix[3*y*g.width:][:3*g.width]
		g.means(line, p, y)
		if field == nil {
			return
		}
		exposed := field[g.row[y]*g.cols:][:g.cols]
		for x := range g.width {
			if !exposed[g.col[x]] {
				line[3*x], line[3*x+1], line[3*x+2] = line[3*x]/3, line[3*x]/3, line[3*x]/3
			}
		}
	})
}

// means fills a drawn row with the means of the source's pixels under each drawn one.
func (g grid) means(line []uint8, p Picture, y int) {
	if g.width == g.cols && g.height == g.rows {
		for x, v := range p.Grey[y*g.cols:][:g.cols] {
			line[3*x], line[3*x+1], line[3*x+2] = v, v, v
		}
		return
	}
	r0, r1 := g.row[y], max(g.row[y+1], g.row[y]+1)
	sums := p.column(r0, r1)
	for x := range g.width {
		c0, c1 := g.col[x], max(g.col[x+1], g.col[x]+1)
		sum := uint32(0)
		for _, v := range sums[c0:c1] {
			sum += v
		}
		v := uint8(sum / uint32((r1-r0)*(c1-c0)))
		line[3*x], line[3*x+1], line[3*x+2] = v, v, v
	}
}

// column sums rows r0 to r1−1 down the columns.
func (p Picture) column(r0, r1 int) []uint32 {
	sums := make([]uint32, p.Columns)
	for r := r0; r < r1; r++ {
		for c, v := range p.Grey[r*p.Columns:][:p.Columns] {
			sums[c] += uint32(v)
		}
	}
	return sums
}

// border lists the drawn pixels of a region beside which, inside the frame, lies one
// that is outside it, where the layer's line has ink.
func (g grid) border(l Layer, pen int) (points []image.Point) {
	border := raster.Pack(g.height, g.width, func(y int) []bool { return g.shown(l.Mask, y) }).Border(1)
	for y := range g.height {
		border.Each(y, func(x int) {
			if l.Line.inks(x, y, pen) {
				points = append(points, image.Pt(x, y))
			}
		})
	}
	return points
}

// shown is a drawn row of a mask.
func (g grid) shown(mask []bool, y int) []bool {
	line := mask[g.row[y]*g.cols:][:g.cols]
	if g.width == g.cols {
		return line
	}
	out := make([]bool, g.width)
	for x := range out {
		out[x] = line[g.col[x]]
	}
	return out
}

// stroke draws a line width pixels wide. Draw does so twice, first black and wider: a
// line with a dark rim is seen on bright and on dark ground alike.
func stroke(out *RGB, points []image.Point, width, bottom int, c color.RGBA) {
	for _, p := range points {
		dot(out, p.X, p.Y, width, bottom, c)
	}
}

// inks reports whether a line has ink at a pixel: all of it, eight tenths of a
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
func dot(out *RGB, x, y, pen, bottom int, c color.RGBA) {
	left, right := max(x-pen/2, 0), min(x-pen/2+pen, out.width)
	for row := max(y-pen/2, 0); row < min(y-pen/2+pen, bottom); row++ {
		line := out.Pix[3*(row*out.width+left) : 3*(row*out.width+right)]
		for i := 0; i < len(line); i += 3 {
			line[i], line[i+1], line[i+2] = c.R, c.G, c.B
		}
	}
}
