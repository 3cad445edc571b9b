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
	filled := filledPart(step, h, w)
	raster.ParallelWith(shears, func() []float32 { return make([]float32, w+h+4) }, func(k int, room []float32) {
		slope := float64(k*slopesPerRow-h) / float64(h)
		sums := shear(step, filled, room, h, w, slope)
		for i, v := range sums {
			if max(v, -v) < least || i > 0 && v*v < sums[i-1]*sums[i-1] || i+1 < len(sums) && v*v < sums[i+1]*sums[i+1] {
				continue
			}
			found[k] = append(found[k], candidate{slope, float64(i - h/2 - 1), max(v, -v), across, v < 0})
		}
	})
	all := slices.Concat(found...)
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.votes, a.votes) })
	return distinct(all, float64(h))
}

// shear sums step along lines of one slope; element i is the line at i − h/2 − 1.
func shear(step []float32, filled []raster.Stretch, sums []float32, h, w int, slope float64) []float32 {
	clear(sums)
	for y := range h {
		off := h/2 + 1 - int(math.Round(slope*(float64(y)-float64(h)/2)))
		votes := step[y*w:][filled[y].From:filled[y].To]
		into := sums[off+filled[y].From:][:len(votes)]
		for x, v := range votes {
			into[x] += v
		}
	}
	return sums
}

// filledPart returns the part of each row outside which all values are 0.
func filledPart(step []float32, h, w int) []raster.Stretch {
	out := make([]raster.Stretch, h)
	for y := range out {
		row := step[y*w:][:w]
		from, to := 0, w
		for from < to && row[from] == 0 {
			from++
		}
		for to > from && row[to-1] == 0 {
			to--
		}
		out[y] = raster.Stretch{From: from, To: to}
	}
	return out
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
