package burned

import (
	"math"

	"dicomnode/internal/raster"
)

const (
	// faint and certain are by how much a stroke differs from what is around it, as parts
	// of the image's range between its 0.1 and 99.9 percentiles: outside anatomy little
	// suffices, where several letters stand together; inside, where bone has edges of its
	// own, and for a single letter it must be more.
	faint, certain = .05, .22
	// noises is how many times the typical difference a stroke must have besides.
	noises = 6
	// widest is the widest stroke that is looked for, as a part of the longer side.
	widest = .006
)

// stroke is by how much each pixel differs from what is around it: pixels that are
// thin and bright are positive, thin and dark negative, all others 0. It is what an
// opening, or a closing, with a square of more than a stroke's width takes away, as
// a part of the image's range.
func strokesOf(p Picture) []float32 {
	out := make([]float32, len(p.Samples))
	ends := raster.Quantiles(p.Samples, .001, .999)
	width := ends[1] - ends[0]
	if !(width > 0) {
		return out
	}
	radius := max(2, int(math.Round(widest*float64(max(p.Rows, p.Columns)))))
	opened := extreme(extreme(p.Samples, p.Rows, p.Columns, radius, false), p.Rows, p.Columns, radius, true)
	closed := extreme(extreme(p.Samples, p.Rows, p.Columns, radius, true), p.Rows, p.Columns, radius, false)
	size := make([]float32, len(out))
	for i, v := range p.Samples {
		bright, dark := (v-opened[i])/width, (closed[i]-v)/width
		if out[i] = bright; dark > bright {
			out[i] = -dark
		}
		size[i] = min(bright, dark) // what is in both directions alike is noise
	}
	least := max(faint, noises*raster.Quantiles(size, .5)[0])
	for i, v := range out {
		if v < least && v > -least {
			out[i] = 0
		}
	}
	return out
}

// extreme is the largest, or smallest, value of the square of a radius around each
// pixel, in a time that does not depend on the radius (van Herk, 1992).
func extreme(pix []float32, rows, cols, radius int, largest bool) []float32 {
	out := make([]float32, len(pix))
	raster.Parallel(rows, func(y int) { line(pix[y*cols:(y+1)*cols], out[y*cols:(y+1)*cols], radius, largest) })
	raster.Parallel(cols, func(x int) {
		column, result := make([]float32, rows), make([]float32, rows)
		for y := range rows {
			column[y] = out[y*cols+x]
		}
		line(column, result, radius, largest)
		for y := range rows {
			out[y*cols+x] = result[y]
		}
	})
	return out
}

// line is extreme along one line: running extremes from both ends of blocks of the
// window's length. Beyond the ends there is nothing.
func line(in, out []float32, radius int, largest bool) {
	nothing := float32(math.Inf(1))
	pick := func(a, b float32) float32 { return min(a, b) }
	if largest {
		nothing, pick = float32(math.Inf(-1)), func(a, b float32) float32 { return max(a, b) }
	}
	window := 2*radius + 1
	n := len(in) + 2*radius
	forward, backward := make([]float32, n), make([]float32, n)
	for i := range n {
		forward[i] = nothing
		if k := i - radius; k >= 0 && k < len(in) {
			forward[i] = in[k]
		}
	}
	copy(backward, forward)
	for i := 1; i < n; i++ {
		if i%window > 0 {
			forward[i] = pick(forward[i-1], forward[i])
		}
		if j := n - 1 - i; j%window < window-1 {
			backward[j] = pick(backward[j+1], backward[j])
		}
	}
	for i := range in {
		out[i] = pick(backward[i], forward[i+2*radius])
	}
}
