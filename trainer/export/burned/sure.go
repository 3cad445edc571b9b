package burned

import (
	"slices"

	"dicomnode/internal/raster"
)

const (
	// filled is the largest share of the anatomy that may be filled without a review, and like
	// the largest share for pixels that the model takes for something else, but have a grey of
	// anatomy: between its quantiles darkest and brightest. The model misses parts of anatomy.
	filled, like       = .001, .02
	darkest, brightest = .1, .9
	// leastAnatomy is the least share of the picture that a credible prediction has of anatomy.
	leastAnatomy = .1
	// mostStray is the greatest number of boxes without a row of letters; more of them are
	// noise, in which text is missed.
	mostStray = 2
	// beside is the distance, relative to the longer side, within which an uncertain stroke may
	// belong to a row of letters.
	beside = .01
)

// unsure reports whether a person must review the picture even if the boxes of text are filled:
// they may not contain all text, or contain anatomy. The first n boxes are those of rows.
func (f *Findings) unsure(p Picture, n int) bool {
	if len(f.Writing)+len(f.Doubtful) == 0 {
		return false
	}
	if p.anatomy == nil || float64(p.anatomy.in(p.whole())) < leastAnatomy*float64(p.Rows*p.Columns) {
		return true
	}
	return stray(f.Writing[:n], f.Writing[n:]) > mostStray || p.continued(f.Writing[:n], f.Doubtful) || p.mayFillAnatomy(f.Writing)
}

// whole returns the box of the picture.
func (p Picture) whole() Box { return Box{0, 0, p.Columns, p.Rows} }

// stray returns the number of boxes that touch no row.
func stray(rows, boxes []Box) (n int) {
	for _, b := range boxes {
		if !slices.ContainsFunc(rows, b.touches) {
			n++
		}
	}
	return n
}

// continued reports whether an uncertain stroke is close to a row: text that goes on over
// anatomy.
func (p Picture) continued(rows, doubtful []Box) bool {
	by := int(beside * float64(max(p.Rows, p.Columns)))
	return slices.ContainsFunc(rows, func(r Box) bool { return slices.ContainsFunc(doubtful, r.grown(by).touches) })
}

// mayFillAnatomy reports whether boxes cover more anatomy than may be filled without a review,
// or more of what may be anatomy.
func (p Picture) mayFillAnatomy(boxes []Box) bool {
	if len(boxes) == 0 {
		return false
	}
	covered, ends := sumsOf(boxes), p.greys()
	sure, possible := 0, 0
	for y := range p.Rows {
		for x := range p.Columns {
			if !covered.holds(x, y) {
				continue
			}
			i := y*p.Columns + x
			if isAnatomy(p.Label[i]) {
				sure++
			} else if v := p.Samples[i]; v >= ends[0] && v <= ends[1] {
				possible++
			}
		}
	}
	all := float64(p.anatomy.in(p.whole()))
	return float64(sure) > filled*all || float64(possible) > like*all
}

// greys returns the range of the anatomy's greys.
func (p Picture) greys() []float32 {
	var of []float32
	for i, l := range p.Label {
		if isAnatomy(l) {
			of = append(of, p.Samples[i])
		}
	}
	return raster.Quantiles(of, darkest, brightest)
}
