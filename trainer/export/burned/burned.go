// Package burned finds writing that is burned into a radiograph: names, numbers and
// dates that a workstation, a printer or a lead block put into the pixels. It reads
// no letters; what it finds is for a person to judge.
package burned

import (
	"cmp"
	"slices"
)

// Box is a rectangle of pixels.
type Box struct {
	Left   int `json:"left"`
	Top    int `json:"top"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

// Holds tells whether a pixel lies in the box.
func (b Box) Holds(x, y int) bool {
	return x >= b.Left && x < b.Left+b.Width && y >= b.Top && y < b.Top+b.Height
}

// Within is the part of the box inside an image.
func (b Box) Within(rows, cols int) Box {
	left, top := min(max(b.Left, 0), cols), min(max(b.Top, 0), rows)
	right, bottom := min(max(b.Left+b.Width, left), cols), min(max(b.Top+b.Height, top), rows)
	return Box{left, top, right - left, bottom - top}
}

// union is the smallest box around two.
func (b Box) union(o Box) Box {
	left, top := min(b.Left, o.Left), min(b.Top, o.Top)
	return Box{left, top, max(b.Left+b.Width, o.Left+o.Width) - left, max(b.Top+b.Height, o.Top+o.Height) - top}
}

// grown is the box with a margin.
func (b Box) grown(by int) Box {
	return Box{b.Left - by, b.Top - by, b.Width + 2*by, b.Height + 2*by}
}

func (b Box) touches(o Box) bool {
	return b.Left < o.Left+o.Width && o.Left < b.Left+b.Width && b.Top < o.Top+o.Height && o.Top < b.Top+b.Height
}

// Picture is what is searched.
type Picture struct {
	Samples       []float32 // stored values, Rows×Columns row by row
	Rows, Columns int
	// Label are the regions that a model found: 1 and 2 are anatomy. nil: unknown.
	Label []uint8
}

// Find returns boxes around what looks like writing outside anatomy, in reading
// order. unsure is true where something like writing lies inside anatomy, where it
// may be a lead letter, metal or bone: somebody should look.
func Find(p Picture) (boxes []Box, unsure bool) {
	if p.Rows < 16 || p.Columns < 16 || len(p.Samples) != p.Rows*p.Columns {
		return nil, true
	}
	strokes := strokesOf(p)
	var in []Box
	for _, g := range groups(letters(strokes, p), p) {
		if g.anatomy {
			in = append(in, g.Box)
		} else {
			boxes = append(boxes, g.Box.grown(g.margin).Within(p.Rows, p.Columns))
		}
	}
	boxes = merged(boxes)
	slices.SortFunc(boxes, func(a, b Box) int { return cmp.Or(cmp.Compare(a.Top, b.Top), cmp.Compare(a.Left, b.Left)) })
	return boxes, len(in) > 0
}

// merged joins boxes that touch.
func merged(boxes []Box) []Box {
	for changed := true; changed; {
		changed = false
		for i := 0; i < len(boxes) && !changed; i++ {
			for j := i + 1; j < len(boxes); j++ {
				if boxes[i].touches(boxes[j]) {
					boxes[i] = boxes[i].union(boxes[j])
					boxes = slices.Delete(boxes, j, j+1)
					changed = true
					break
				}
			}
		}
	}
	return boxes
}
