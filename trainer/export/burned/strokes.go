package burned

import (
	"math"
	"sync"

	"dicomnode/internal/raster"
)

const (
	// Least differences of a stroke from its surroundings, relative to the image's range
	// between its 0.1 and 99.9 percentiles: faint for several letters together, certain for a
	// single one.
	faint, certain = .05, .22
	// noises is the least ratio of a stroke's difference to the typical difference.
	noises = 6
	// thinStroke and boldStroke are the greatest widths of strokes, relative to the longer
	// side. The search is done with both: with boldStroke alone, small letters merge with their
	// surroundings.
	thinStroke, boldStroke = .006, .014
)

// relief is the difference between a picture and the picture without thin structures. An
// opening with a square wider than a stroke removes thin bright structures, a closing thin dark
// ones.
type relief struct {
	opened, closed []float32 // stored values
	// strokes are the differences relative to the image's range: positive for thin and bright
	// pixels, negative for thin and dark ones, 0 for others.
	strokes []float32
	width   float32 // the image's range, in stored values
	noise   float32 // differences below it may be noise, relative to the range
	least   float32 // least difference of a stroke: faint, or more in noise
}

// reliefOf returns the relief for strokes up to a width; ok is false for a flat picture.
func reliefOf(p Picture, widest float64) (r relief, ok bool) {
	ends := raster.Quantiles(p.Samples, .001, .999)
	if r.width = ends[1] - ends[0]; !(r.width > 0) {
		return r, false
	}
	radius := max(2, int(math.Round(widest*float64(max(p.Rows, p.Columns)))))
	r.opened = extreme(extreme(p.Samples, p.Rows, p.Columns, radius, false), p.Rows, p.Columns, radius, true)
	r.closed = extreme(extreme(p.Samples, p.Rows, p.Columns, radius, true), p.Rows, p.Columns, radius, false)
	r.strokes = make([]float32, len(p.Samples))
	size := make([]float32, len(p.Samples))
	for i, v := range p.Samples {
		bright, dark := (v-r.opened[i])/r.width, (r.closed[i]-v)/r.width
		if r.strokes[i] = bright; dark > bright {
			r.strokes[i] = -dark
		}
		size[i] = min(bright, dark) // equal differences in both directions are noise
	}
	r.noise = noises * raster.Quantiles(size, .5)[0]
	r.least = max(faint, r.noise)
	for i, v := range r.strokes {
		if v < r.least && v > -r.least {
			r.strokes[i] = 0
		}
	}
	return r, true
}

// clutter returns the share of differences in a box that occur in both directions, as in noise.
func (r relief) clutter(b Box, p Picture) float64 {
	var lesser, larger float64
	for y := b.Top; y < b.Top+b.Height; y++ {
		for i := y*p.Columns + b.Left; i < y*p.Columns+b.Left+b.Width; i++ {
			bright, dark := float64(p.Samples[i]-r.opened[i]), float64(r.closed[i]-p.Samples[i])
			lesser += min(bright, dark)
			larger += max(bright, dark)
		}
	}
	return lesser / max(larger, 1e-9)
}

// columns is how many columns are processed together: a cache line.
const columns = 16

// extreme returns the largest or smallest value in the square with a radius around each pixel,
// in a time that does not depend on the radius (van Herk, 1992).
func extreme(pix []float32, rows, cols, radius int, largest bool) []float32 {
	out := make([]float32, len(pix))
	sign := float32(-1) // the smallest is the largest of the negated values
	if largest {
		sign = 1
	}
	raster.Parallel(rows, func(y int) {
		s := scratches.Get().(*scratch)
		defer scratches.Put(s)
		in := s.take(cols, radius)
		for x, v := range pix[y*cols:][:cols] {
			in[x] = sign * v
		}
		s.largest(out[y*cols:][:cols], radius)
	})
	raster.Parallel((cols+columns-1)/columns, func(block int) {
		s := scratches.Get().(*scratch)
		defer scratches.Put(s)
		left := block * columns
		width := min(columns, cols-left)
		if need := columns * rows; cap(s.block) < need {
			s.block = make([]float32, need)
		}
		for y := range rows { // transposes columns to rows
			for x, v := range out[y*cols+left:][:width] {
				s.block[x*rows+y] = v
			}
		}
		for x := range width {
			column := s.block[x*rows:][:rows]
			copy(s.take(rows, radius), column)
			s.largest(column, radius)
		}
		for y := range rows {
			for x := range width {
				out[y*cols+left+x] = sign * s.block[x*rows+y]
			}
		}
	})
	return out
}

// scratch contains the buffers for a line.
type scratch struct{ padded, forward, backward, block []float32 }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// take returns a buffer for a line of n values, padded at both ends.
func (s *scratch) take(n, radius int) []float32 {
	whole := n + 2*radius
	for _, b := range []*[]float32{&s.padded, &s.forward, &s.backward} {
		if cap(*b) < whole {
			*b = make([]float32, whole)
		}
		*b = (*b)[:whole]
	}
	nothing := float32(math.Inf(-1))
	for i := range radius {
		s.padded[i], s.padded[whole-1-i] = nothing, nothing
	}
	return s.padded[radius:][:n]
}

// largest computes the largest value of the window around each value of a line, from running
// maxima of blocks of the window's length in both directions.
func (s *scratch) largest(out []float32, radius int) {
	window := 2*radius + 1
	for from := 0; from < len(s.padded); from += window {
		to := min(from+window, len(s.padded))
		most := s.padded[from]
		for i := from; i < to; i++ {
			if v := s.padded[i]; v > most {
				most = v
			}
			s.forward[i] = most
		}
		most = s.padded[to-1]
		for i := to - 1; i >= from; i-- {
			if v := s.padded[i]; v > most {
				most = v
			}
			s.backward[i] = most
		}
	}
	for i := range out {
		out[i] = max(s.backward[i], s.forward[i+2*radius])
	}
}
