package classical

import (
	"math"
	"slices"
)

// canny marks edges by Canny's rules (IEEE Trans. PAMI 8(6), 1986) from a gradient:
// thinned to the ridge of its magnitude, kept where they exceed the upper threshold
// or are connected to such a pixel above the lower one. The upper threshold is
// exceeded by share of all pixels, the lower is lowRatio of it.
func canny(gx, gy []float64, h, w int, share, lowRatio float64) []bool {
	size := make([]float64, len(gx))
	for i := range gx {
		size[i] = math.Hypot(gx[i], gy[i])
	}
	sorted := slices.Sorted(slices.Values(size))
	high := sorted[min(int((1-share)*float64(len(sorted))), len(sorted)-1)]
	out, stack := make([]bool, len(size)), []int{}
	for i, s := range size {
		if s > 0 && s >= high && ridge(size, gx[i], gy[i], h, w, i) {
			out[i] = true
			stack = append(stack, i)
		}
	}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for k := range 9 {
			y, x := i/w+k/3-1, i%w+k%3-1
			if y < 0 || x < 0 || y >= h || x >= w {
				continue
			}
			j := y*w + x
			if !out[j] && size[j] > 0 && size[j] >= lowRatio*high && ridge(size, gx[j], gy[j], h, w, j) {
				out[j] = true
				stack = append(stack, j)
			}
		}
	}
	return out
}

// ridge reports whether pixel i is greatest along its gradient, of the four
// directions of the grid the nearest; one of two equals is.
func ridge(size []float64, gx, gy float64, h, w, i int) bool {
	const slope = 0.4142135623730951 // tan 22.5°
	dy, dx := 1, 1
	ax, ay := math.Abs(gx), math.Abs(gy)
	switch {
	case ay <= slope*ax:
		dy = 0
	case ax <= slope*ay:
		dx = 0
	case gx*gy < 0:
		dy = -1
	}
	beside := func(y, x int) float64 {
		if y < 0 || x < 0 || y >= h || x >= w {
			return -1 // the border can hold an edge
		}
		return size[y*w+x]
	}
	y, x := i/w, i%w
	return size[i] > beside(y-dy, x-dx) && size[i] >= beside(y+dy, x+dx)
}
