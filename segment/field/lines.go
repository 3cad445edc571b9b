package field

import (
	"cmp"
	"math"
	"slices"

	"dicomnode/internal/raster"
)

// border is a straight edge of the field: (x, y) lies inside where nx·x + ny·y ≥ d, in
// pixels of the search picture; (nx, ny) has length 1.
type border struct{ nx, ny, d float64 }

func (b border) distance(x, y float64) float64 { return b.nx*x + b.ny*y - b.d }

// shifted moves the border o pixels into the field.
func (b border) shifted(o float64) border { return border{b.nx, b.ny, b.d + o} }

const (
	voteReach    = 2  // pixels on both sides over which a step is measured
	maxLines     = 24 // candidates examined per direction
	minChord     = 0.3
	slopesPerRow = 2 // shear step, in pixels over the whole height
)

// candidate is a line x = at + slope·(y − h/2) (or with x and y exchanged) and the votes on it.
type candidate struct {
	slope, at float64
	votes     float32
	across    bool // x and y are exchanged: the line runs across
	inverse   bool // the field is on the side of smaller x (y)
}

func (c candidate) border(h, w int) border {
	n := math.Hypot(1, c.slope)
	b := border{1 / n, -c.slope / n, 0}
	mid := float64(h) / 2
	if c.across {
		mid = float64(w) / 2
		b.nx, b.ny = b.ny, b.nx
	}
	b.d = (c.at - c.slope*mid) / n
	if c.inverse {
		b = border{-b.nx, -b.ny, -b.d}
	}
	return b
}

// candidates returns lines along which steps agree: the largest and smallest values of a Radon
// transform by shears. A step is a vote in [−1, 1] for each pixel, in x and in y, positive if
// the larger coordinate is inside.
func candidates(stepX, stepY []float32, h, w int) []candidate {
	out := strongest(stepX, h, w, false)
	turned := make([]float32, len(stepY))
	for y := range h {
		for x := range w {
			turned[x*h+y] = stepY[y*w+x]
		}
	}
	return append(out, strongest(turned, w, h, true)...)
}

func strongest(step []float32, h, w int, across bool) []candidate {
	shears := 2*h/slopesPerRow + 1
	found := make([][]candidate, shears)
	least := float32(minChord * 0.7 * float64(min(h, w)))
	all := newVotes(step, h, w)
	raster.ParallelWith(shears, all.lines, func(k int, own lines) {
		slope := float64(k*slopesPerRow-h) / float64(h)
		sums := all.shear(own, slope)
		for i, rounded := range sums {
			if max(rounded, -rounded) < least-all.error() {
				continue
			}
			v := all.line(own, i)
			if max(v, -v) < least || i > 0 && v*v < all.line(own, i-1)*all.line(own, i-1) || i+1 < len(sums) && v*v < all.line(own, i+1)*all.line(own, i+1) {
				continue
			}
			found[k] = append(found[k], candidate{slope, float64(i - h/2 - 1), max(v, -v), across, v < 0})
		}
	})
	sorted := slices.Concat(found...)
	slices.SortStableFunc(sorted, func(a, b candidate) int { return cmp.Compare(b.votes, a.votes) })
	return distinct(sorted, float64(h))
}

// distinct drops candidates that nearly coincide with a stronger one.
func distinct(all []candidate, h float64) (out []candidate) {
	count := map[bool]int{}
	for _, c := range all {
		if count[c.inverse] >= maxLines {
			continue
		}
		near := func(o candidate) bool {
			d := math.Abs(c.at - o.at)
			tilt := math.Abs(c.slope-o.slope) * h / 2
			return c.inverse == o.inverse && d+tilt < 6
		}
		if !slices.ContainsFunc(out, near) {
			out = append(out, c)
			count[c.inverse]++
		}
	}
	return out
}
