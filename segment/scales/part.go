package scales

import (
	"cmp"
	"math"
	"slices"

	"dicomnode/internal/raster"
	"dicomnode/segment/picture"
)

// part is a rectangle of a picture's pixels: rows Top to Bottom−1, columns Left to Right−1.
type part struct{ top, bottom, left, right int }

func (r part) rows() int    { return r.bottom - r.top }
func (r part) columns() int { return r.right - r.left }

// of returns the area of r in a picture.
func (r part) of(p Picture) raster.Area {
	return raster.Area{V: p.Pix[r.top*p.Columns+r.left:], Stride: p.Columns, Rows: r.rows(), Columns: r.columns()}
}

// parts returns n×n parts, size times as high and wide as the picture, that cover it evenly.
func parts(rows, columns, n int, size float64) []part {
	var out []part
	height, width := int(math.Ceil(size*float64(rows))), int(math.Ceil(size*float64(columns)))
	for i := range n {
		for j := range n {
			top, left := (rows-height)*i/(n-1), (columns-width)*j/(n-1)
			out = append(out, part{top, top + height, left, left + width})
		}
	}
	return out
}

// emptyDoubt is the mean doubt of the whole picture below which a part is left out, because the
// answer is certain; usually it is only open beam.
const emptyDoubt = 0.002

// choose selects the parts to predict from the answer for the whole picture: at most plan.most,
// those with the greatest doubt, in their original order.
func choose(seen picture.Map, plan plan) []part {
	all := parts(seen.Rows, seen.Columns, plan.parts, plan.size)
	doubts := make(map[part]float64, len(all))
	for _, r := range all {
		doubts[r] = doubt(seen, r)
	}
	all = slices.DeleteFunc(all, func(r part) bool { return doubts[r] < emptyDoubt })
	if len(all) <= plan.most {
		return all
	}
	order := slices.Clone(all)
	slices.SortStableFunc(order, func(a, b part) int { return cmp.Compare(doubts[b], doubts[a]) })
	kept := order[:plan.most]
	return slices.DeleteFunc(all, func(r part) bool { return !slices.Contains(kept, r) })
}

// doubt returns the mean over a part of the probability of all classes but the most probable
// one, in the answer for the whole picture.
func doubt(m picture.Map, r part) float64 {
	y0, y1 := r.top*m.Height/m.Rows, max(r.bottom*m.Height/m.Rows, r.top*m.Height/m.Rows+1)
	x0, x1 := r.left*m.Width/m.Columns, max(r.right*m.Width/m.Columns, r.left*m.Width/m.Columns+1)
	var sum float64
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			top := float32(0)
			for c := range picture.Classes {
				top = max(top, m.Plane(c)[y*m.Width+x])
			}
			sum += float64(1 - top)
		}
	}
	return sum / float64((y1-y0)*(x1-x0))
}
