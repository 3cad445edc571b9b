package burned

const (
	// beyond is the distance from anatomy, relative to the longer side, from which a finding is
	// surely not a part of it: the model misses some of its rim.
	beyond = .03
	// filled is the largest share of the anatomy that may be filled without a review.
	filled = .001
)

// anatomyOf returns the pixels that the model labels as soft tissue or bone, nil without labels.
func anatomyOf(p Picture) *sums {
	if len(p.Label) != p.Rows*p.Columns {
		return nil
	}
	s := newSums(Box{0, 0, p.Columns, p.Rows})
	for y := range p.Rows {
		for x, l := range p.Label[y*p.Columns:][:p.Columns] {
			if l == 1 || l == 2 {
				s.mark(y, x, x+1)
			}
		}
	}
	s.add()
	return s
}

// inAnatomy reports whether more than a tenth of a box is anatomy.
func (p Picture) inAnatomy(b Box) bool {
	return p.anatomy != nil && 10*p.anatomy.in(b) > b.Width*b.Height
}

// mostlyAnatomy reports whether more than half of a box is anatomy.
func (p Picture) mostlyAnatomy(b Box) bool {
	return p.anatomy != nil && 2*p.anatomy.in(b) > b.Width*b.Height
}

// farFromAnatomy reports whether there is no anatomy in a box and around it.
func (p Picture) farFromAnatomy(b Box) bool {
	margin := int(beyond * float64(max(p.Rows, p.Columns)))
	return p.anatomy == nil || p.anatomy.in(b.grown(margin).Within(p.Rows, p.Columns)) == 0
}

// roomy returns a box with a margin of at least least. Each side gets a margin of up to most
// where anatomy is far: there it costs nothing to fill more, and covers strokes that were
// missed.
func (p Picture) roomy(b Box, least, most int) Box {
	b = b.grown(least).Within(p.Rows, p.Columns)
	if p.anatomy == nil {
		return b
	}
	for _, side := range []Box{{-1, 0, 1, 0}, {0, -1, 0, 1}, {0, 0, 1, 0}, {0, 0, 0, 1}} {
		for by := most - least; by > 0; by /= 2 {
			wider := Box{b.Left + by*side.Left, b.Top + by*side.Top, b.Width + by*side.Width, b.Height + by*side.Height}.Within(p.Rows, p.Columns)
			if p.farFromAnatomy(wider.without(b)) {
				b = wider
				break
			}
		}
	}
	return b
}

// without returns the part of a box that is not in another, which differs in one side.
func (b Box) without(o Box) Box {
	switch {
	case b.Left < o.Left:
		b.Width = o.Left - b.Left
	case b.Top < o.Top:
		b.Height = o.Top - b.Top
	case b.Width > o.Width:
		b.Left, b.Width = o.Left+o.Width, b.Width-o.Width
	default:
		b.Top, b.Height = o.Top+o.Height, b.Height-o.Height
	}
	return b
}

// fillsAnatomy reports whether boxes cover more of the anatomy than may be filled without a
// review.
func (p Picture) fillsAnatomy(boxes []Box) bool {
	if p.anatomy == nil || len(boxes) == 0 {
		return false
	}
	covered, n := sumsOf(boxes), 0
	for y := range p.Rows {
		for x, l := range p.Label[y*p.Columns:][:p.Columns] {
			if (l == 1 || l == 2) && covered.holds(x, y) {
				n++
			}
		}
	}
	return float64(n) > filled*float64(p.anatomy.in(Box{0, 0, p.Columns, p.Rows}))
}
