package burned

import "dicomnode/internal/raster"

// beyond is the distance from anatomy, relative to the longer side, from which a finding is
// surely not a part of it: the model misses some of its rim.
const beyond = .03

// large is the least share of the anatomy in a large region.
const large = .25

// isAnatomy reports whether a label is soft tissue or bone.
func isAnatomy(label uint8) bool { return label == 1 || label == 2 }

// anatomyOf returns the pixels that the model labels as soft tissue or bone, and those of them
// in large regions; nil without labels.
func anatomyOf(p Picture) (all, body *sums) {
	if len(p.Label) != p.Rows*p.Columns {
		return nil, nil
	}
	mask := make([]uint8, len(p.Label))
	for i, l := range p.Label {
		if isAnatomy(l) {
			mask[i] = 1
		}
	}
	g := raster.Connect(mask, p.Rows, p.Columns)
	area, total := map[int]int{}, 0
	for i, run := range g.Runs {
		if mask[g.First(i)] != 0 {
			area[g.Root(i)] += int(run.To - run.From)
			total += int(run.To - run.From)
		}
	}
	all, body = newSums(p.whole()), newSums(p.whole())
	for i, run := range g.Runs {
		if mask[g.First(i)] == 0 {
			continue
		}
		all.mark(int(run.Row), int(run.From), int(run.To))
		if float64(area[g.Root(i)]) >= large*float64(total) {
			body.mark(int(run.Row), int(run.From), int(run.To))
		}
	}
	all.add()
	body.add()
	return all, body
}

// inAnatomy reports whether more than a tenth of a box is anatomy.
func (p Picture) inAnatomy(b Box) bool {
	return p.anatomy != nil && 10*p.anatomy.in(b) > b.Width*b.Height
}

// mostlyAnatomy reports whether more than half of a box is anatomy in large regions. A small
// region may be the box of an identification, which the model takes for anatomy.
func (p Picture) mostlyAnatomy(b Box) bool {
	return p.body != nil && 2*p.body.in(b) > b.Width*b.Height
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
