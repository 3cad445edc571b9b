package burned

import (
	"cmp"
	"math"
	"slices"
)

const (
	// leastInRow is the least number of letters in a row that is recognised by its arrangement
	// alone.
	leastInRow = 4
	// Relative to the height of a row: askew is how far a letter may be off its middle, uneven
	// the least height relative to the highest letter, apart the greatest distance to the next
	// letter.
	askew, uneven, apart = .2, .7, 1.1
	// wordApart is the greatest distance to what follows text that was found.
	wordApart = 2
	// speckles is the greatest number of weak regions around each letter.
	speckles = 2
)

// rows returns the boxes of letters of one ink that form rows: four or more of one height with
// gaps of less than that height, in any direction. They include what is between the letters
// and, close by and in line with them, weak letters; and shorter rows nearby.
func rows(all []letter, strong int, p Picture) []Box {
	beside := neighbours(all, strong, p)
	taken := make([]bool, len(all))
	var found []line
	for i := range all[:strong] {
		for _, j := range beside[i] {
			if j >= strong || taken[i] && taken[j] || !all[i].alike(all[j]) {
				continue
			}
			if l, ok := rowOf(all, strong, beside, i, j); ok {
				for _, k := range l.members {
					taken[k] = true
				}
				found = append(found, l)
			}
		}
	}
	var out []Box
	for _, l := range found {
		out = append(out, l.boxes(all, p)...)
		for i, v := range all[:strong] {
			if !taken[i] && l.near(all, v) {
				out = append(out, p.roomy(v.Box, int(l.height)/6+2, int(2*l.height)))
			}
		}
	}
	return joined(out, tight)
}

// near reports whether a letter can be part of a short line above or below a row, or of a word
// in line with it.
func (l line) near(all []letter, v letter) bool {
	high := v.across(l.dx, l.dy)
	if high < uneven*l.height || high > l.height/uneven {
		return false
	}
	around := v.grown(int(wordApart * l.height))
	return slices.ContainsFunc(l.members, func(k int) bool { return around.touches(all[k].Box) })
}

// line is a row with its letters.
type line struct {
	row
	members []int
}

// boxes returns a box around each two consecutive letters, so that what is between them is
// included.
func (l line) boxes(all []letter, p Picture) (out []Box) {
	from := func(k int) float64 { f, _, _, _ := l.at(all[k]); return f }
	slices.SortFunc(l.members, func(a, b int) int { return cmp.Compare(from(a), from(b)) })
	for i, k := range l.members {
		b := all[k].Box
		if i > 0 {
			b = b.union(all[l.members[i-1]].Box)
		}
		out = append(out, p.roomy(b, int(l.height)/6+2, int(2*l.height)))
	}
	return out
}

// alike reports whether two letters can be next to each other in a word.
func (l letter) alike(o letter) bool {
	return 5*min(l.size(), o.size()) >= 2*max(l.size(), o.size()) && l.grown(max(3, max(l.size(), o.size())*3/4)).touches(o.Box)
}

// neighbours returns, for each strong letter, those that can be next to it or belong to it. It
// compares only letters in the same or adjacent cells of a grid.
func neighbours(all []letter, strong int, p Picture) [][]int {
	cell := max(1, int(2.5*highest*float64(max(p.Rows, p.Columns))))
	type place struct{ x, y int }
	of := func(l letter) place { return place{l.Left / cell, l.Top / cell} }
	cells := map[place][]int{}
	for i, l := range all {
		cells[of(l)] = append(cells[of(l)], i)
	}
	out := make([][]int, strong)
	for i, l := range all[:strong] {
		at, around := of(l), l.grown(int(math.Ceil(1.25*wordApart*float64(l.size()))))
		for y := at.y - 1; y <= at.y+1; y++ {
			for x := at.x - 1; x <= at.x+1; x++ {
				for _, j := range cells[place{x, y}] {
					if j != i && around.touches(all[j].Box) {
						out[i] = append(out[i], j)
					}
				}
			}
		}
	}
	return out
}

// row is a straight line through two letters.
type row struct{ x, y, dx, dy, height float64 }

// at returns the extent of a letter along the row, and whether it fits as a whole letter, or as
// a smaller part of one.
func (r row) at(l letter) (from, to float64, whole, part bool) {
	a, b := l.middle()
	off := math.Abs((b-r.y)*r.dx - (a-r.x)*r.dy)
	high := l.across(r.dx, r.dy)
	along, half := (a-r.x)*r.dx+(b-r.y)*r.dy, l.across(r.dy, r.dx)/2
	whole = off <= askew*r.height && high >= uneven*r.height && high <= r.height/uneven
	return along - half, along + half, whole, off+high/2 <= .75*r.height
}

// across returns the width of a box across a direction.
func (b Box) across(dx, dy float64) float64 {
	return float64(b.Width)*math.Abs(dy) + float64(b.Height)*math.Abs(dx)
}

// rowOf returns the letters in a row with i and j; ok is false if there are too few.
func rowOf(all []letter, strong int, beside [][]int, i, j int) (l line, ok bool) {
	x, y := all[i].middle()
	u, v := all[j].middle()
	far := math.Hypot(u-x, v-y)
	if far == 0 {
		return l, false
	}
	r := row{x, y, (u - x) / far, (v - y) / far, 0}
	r.height = max(all[i].across(r.dx, r.dy), all[j].across(r.dx, r.dy))
	for _, k := range []int{i, j} {
		if _, _, whole, _ := r.at(all[k]); !whole {
			return l, false
		}
	}
	l = line{r, []int{i}}
	if l.reach(all[:strong], beside, apart); l.whole(all[:strong]) < leastInRow {
		return l, false
	}
	if l.speckled(strong, beside) {
		return l, false
	}
	l.reach(all, beside, wordApart)
	return l, true
}

// reach adds letters that can be reached from those of the row with gaps of at most gap times
// its height.
func (l *line) reach(all []letter, beside [][]int, gap float64) {
	for k := 0; k < len(l.members); k++ {
		if l.members[k] >= len(beside) {
			continue // weak ones do not extend the row
		}
		from, to, whole, _ := l.at(all[l.members[k]])
		if !whole {
			continue
		}
		for _, m := range beside[l.members[k]] {
			if m >= len(all) {
				continue
			}
			a, b, full, part := l.at(all[m])
			if (full || part) && max(a-to, from-b) <= gap*l.height && !slices.Contains(l.members, m) {
				l.members = append(l.members, m)
			}
		}
	}
}

// speckled reports whether there are too many weak regions around the letters of a row. They
// are noise that is clipped at white or black and looks like ink.
func (l line) speckled(strong int, beside [][]int) bool {
	weak := map[int]bool{}
	for _, k := range l.members {
		for _, m := range beside[k] {
			if m >= strong {
				weak[m] = true
			}
		}
	}
	return len(weak) > speckles*len(l.members)
}

// whole counts the letters without smaller parts.
func (l line) whole(all []letter) (n int) {
	for _, k := range l.members {
		if _, _, whole, _ := l.at(all[k]); whole {
			n++
		}
	}
	return n
}

// The least share of a joined box that its parts must cover, in percent: for text that is
// filled, and for text that is only shown.
const tight, loose = 88, 30

// joined joins boxes whose union contains little else.
func joined(boxes []Box, percent int) []Box {
	if len(boxes) == 0 {
		return nil
	}
	slices.SortFunc(boxes, func(a, b Box) int { return cmp.Or(cmp.Compare(a.Left, b.Left), cmp.Compare(a.Top, b.Top)) })
	painted := sumsOf(boxes)
	for changed := true; changed; {
		changed = false
		for i := 0; i < len(boxes); i++ {
			for j := i + 1; j < len(boxes); j++ {
				u := boxes[i].union(boxes[j])
				if 100*painted.in(u) >= percent*u.Width*u.Height {
					boxes[i] = u
					boxes = slices.Delete(boxes, j, j+1)
					changed = true
					j--
				}
			}
		}
	}
	return boxes
}
