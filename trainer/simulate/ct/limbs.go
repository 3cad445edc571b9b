package ct

import (
	"math"
	"slices"
)

// limbs separates two limbs that lie side by side along x, as feet and knees do in a scanner;
// they may touch. It returns nil for one limb, or two that cannot be separated.
func (c *scan) limbs() []*scan {
	seam, bone := c.seam()
	low, high := c.emptied(), c.emptied()
	for i, v := range c.v {
		if p := c.place(i); p[0] < seam[p[1]] {
			low.v[i] = v
		} else {
			high.v[i] = v
		}
	}
	low.survey()
	high.survey()
	if bone > 0 || min(len(low.bone), len(high.bone)) < max(len(c.bone)/4, 1) {
		return nil
	}
	low.side, high.side, c.side = "right", "left", "both"
	if c.toMM.Axes[0][0] < 0 {
		low.side, high.side = "left", "right"
	}
	return []*scan{low, high}
}

func (c *scan) emptied() *scan {
	e := &scan{volume: c.volume}
	e.v = make([]uint32, len(c.v))
	return e
}

// seam finds a path from front to back through the middle third, one x for each y, that crosses
// the least bone and, among those, the least body. It also returns the crossed bone in voxels.
func (c *scan) seam() (x []int, bone int) {
	w, h := c.dim[0], c.dim[1]
	cost, hard := make([]int, w*h), make([]int, w*h)
	for i, v := range c.v {
		p := c.place(i)
		j := p[1]*w + p[0]
		if v != 0 {
			cost[j]++
		}
		if p[0] < w/3 || p[0] > 2*w/3 {
			cost[j] = math.MaxInt32
		}
		if v>>16 > 127 {
			cost[j] += 1000
			hard[j]++
		}
	}
	for y := 1; y < h; y++ {
		for x := range w {
			cost[y*w+x] += cost[(y-1)*w+cheapest(cost[(y-1)*w:y*w], x)]
		}
	}
	x = make([]int, h)
	last := cost[(h-1)*w:]
	x[h-1] = slices.Index(last, slices.Min(last))
	for y := h - 1; y > 0; y-- {
		x[y-1] = cheapest(cost[(y-1)*w:y*w], x[y])
	}
	for y, k := range x {
		bone += hard[y*w+k]
	}
	return x, bone
}

// cheapest returns the position of the least value of a row at x or next to it; of equal
// values, the middle one.
func cheapest(row []int, x int) int {
	best := x
	for _, k := range [2]int{x - 1, x + 1} {
		if k >= 0 && k < len(row) && row[k] < row[best] {
			best = k
		}
	}
	return best
}
