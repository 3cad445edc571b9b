package burned

import (
	"math"

	"dicomnode/internal/raster"
)

const (
	// contrast is by how much a stroke differs from what is around it, as a part of the
	// image's range between its 0.1 and 99.9 percentiles.
	contrast = .22
	// widest is the widest stroke that is looked for, as a part of the longer side.
	widest = .006
)

// strokesOf marks pixels that are thin and bright, or thin and dark: those that an
// opening, or a closing, with a square of more than a stroke's width takes away.
// The two are 1 and 2; a pixel in both has the larger contrast.
func strokesOf(p Picture) []uint8 {
	ends := raster.Quantiles(p.Samples, .001, .999)
	low, high := ends[0], ends[1]
	least := contrast * (high - low)
	out := make([]uint8, len(p.Samples))
	if !(least > 0) {
		return out
	}
	radius := max(2, int(math.Round(widest*float64(max(p.Rows, p.Columns)))))
	opened := extreme(extreme(p.Samples, p.Rows, p.Columns, radius, false), p.Rows, p.Columns, radius, true)
	closed := extreme(extreme(p.Samples, p.Rows, p.Columns, radius, true), p.Rows, p.Columns, radius, false)
	for i, v := range p.Samples {
		bright, dark := v-opened[i], closed[i]-v
		switch {
		case bright >= least && bright >= dark:
			out[i] = 1
		case dark >= least:
			out[i] = 2
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
