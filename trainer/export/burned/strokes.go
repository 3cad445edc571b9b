package burned

import (
	"math"
	"sync"

	"dicomnode/internal/raster"
)

const (
	// faint and certain are by how much a stroke differs from what is around it, as parts
	// of the image's range between its 0.1 and 99.9 percentiles: where several letters
	// stand together little suffices; for a single one it must be more.
	faint, certain = .05, .22
	// noises is how many times the typical difference a stroke must have besides.
	noises = 6
	// thinStroke and boldStroke are the widest strokes that are looked for, as parts of
	// the longer side: with the second alone, bold letters and what is around small
	// ones become one.
	thinStroke, boldStroke = .006, .014
)

// relief is by how much a picture differs from itself without what is thin in it: an
// opening with a square of more than a stroke's width takes thin bright things away,
// a closing thin dark ones.
type relief struct {
	opened, closed []float32 // stored values
	// strokes are the differences as parts of the image's range: positive where a pixel
	// is thin and bright, negative where thin and dark, 0 where neither.
	strokes []float32
	width   float32 // the image's range, in stored values
	least   float32 // of a stroke's difference that is no noise, as a part of the range
}

// reliefOf is the relief for strokes up to a width; ok is false for a flat picture.
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
		size[i] = min(bright, dark) // what is in both directions alike is noise
	}
	r.least = max(faint, noises*raster.Quantiles(size, .5)[0])
	for i, v := range r.strokes {
		if v < r.least && v > -r.least {
			r.strokes[i] = 0
		}
	}
	return r, true
}

// clutter is how much of the differences in a box go both ways, as those of noise do.
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

// columns is how many columns are gone through together: a line of the cache.
const columns = 16

// extreme is the largest, or smallest, value of the square of a radius around each
// pixel, in a time that does not depend on the radius (van Herk, 1992).
func extreme(pix []float32, rows, cols, radius int, largest bool) []float32 {
	out := make([]float32, len(pix))
	sign := float32(-1) // the smallest is the largest of the negatives
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
		for y := range rows { // columns become rows
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

// scratch is what a line needs besides the picture.
type scratch struct{ padded, forward, backward, block []float32 }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// take returns the place for a line of n values, beyond whose ends there is nothing.
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

// largest is the largest value of the window around each of a line: running maxima
// from both ends of blocks of the window's length.
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
