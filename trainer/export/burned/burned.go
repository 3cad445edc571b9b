// Package burned finds text that is burned into a radiograph: names, numbers and dates that a
// workstation, a printer or a lead block has put into the pixels. It does not read the text; a
// person must judge what it finds.
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

// Holds reports whether a pixel is in the box.
func (b Box) Holds(x, y int) bool {
	return x >= b.Left && x < b.Left+b.Width && y >= b.Top && y < b.Top+b.Height
}

// Within returns the part of the box inside an image.
func (b Box) Within(rows, cols int) Box {
	left, top := min(max(b.Left, 0), cols), min(max(b.Top, 0), rows)
	right, bottom := min(max(b.Left+b.Width, left), cols), min(max(b.Top+b.Height, top), rows)
	return Box{left, top, right - left, bottom - top}
}

// union returns the smallest box around both.
func (b Box) union(o Box) Box {
	left, top := min(b.Left, o.Left), min(b.Top, o.Top)
	return Box{left, top, max(b.Left+b.Width, o.Left+o.Width) - left, max(b.Top+b.Height, o.Top+o.Height) - top}
}

// grown returns the box with a margin.
func (b Box) grown(by int) Box {
	return Box{b.Left - by, b.Top - by, b.Width + 2*by, b.Height + 2*by}
}

func (b Box) touches(o Box) bool {
	return b.Left < o.Left+o.Width && o.Left < b.Left+b.Width && b.Top < o.Top+o.Height && o.Top < b.Top+b.Height
}

func (b Box) middle() (x, y float64) {
	return float64(b.Left) + float64(b.Width)/2, float64(b.Top) + float64(b.Height)/2
}

// size returns the longer side.
func (b Box) size() int { return max(b.Width, b.Height) }

// Picture is a picture to search.
type Picture struct {
	Samples       []float32 // stored values, Rows×Columns row by row
	Rows, Columns int
	// Label contains the regions that a model found: 1 and 2 are anatomy. nil: unknown.
	Label []uint8

	anatomy, body *sums // of Label, see anatomyOf
}

// Findings are boxes around possible text, in reading order.
type Findings struct {
	// Writing contains rows of letters drawn in one grey, anywhere, and every stroke of a
	// letter's size far from anatomy.
	Writing []Box
	// Doubtful contains strokes inside or beside anatomy, which may also be a lead letter,
	// metal, bone or an edge: a person should review them.
	Doubtful []Box
	// Unsure says that the boxes of Writing may not contain all text, or contain anatomy: a
	// person should review the picture even if they are filled.
	Unsure bool
}

// Find searches for text. A picture that is too small for any has no findings.
func Find(p Picture) Findings {
	var out Findings
	if p.Rows < 16 || p.Columns < 16 || len(p.Samples) != p.Rows*p.Columns {
		return out
	}
	p.anatomy, p.body = anatomyOf(p)
	thin, ok := reliefOf(p, thinStroke)
	if !ok {
		return out
	}
	bold, _ := reliefOf(p, boldStroke)
	for _, r := range []relief{thin, bold} {
		for _, k := range inks(p, r.strokes) {
			letters, n := written(p, r, k)
			out.Writing = append(out.Writing, rows(letters, n, p)...)
		}
	}
	inRows := len(out.Writing)
	out.strokes(p, thin)
	out.Unsure = out.Unsure || out.unsure(p, inRows)
	sortBoxes(out.Writing)
	sortBoxes(out.Doubtful)
	return out
}

// strokes adds the strokes of a letter's size: those far from anatomy and rows of them beside it
// to Writing, the others to Doubtful.
func (f *Findings) strokes(p Picture, r relief) {
	var in, beside []letter
	for _, l := range strokeLetters(r, p) {
		if p.inAnatomy(l.Box) || r.clutter(l.Box, p) >= noisy {
			in = append(in, l)
		} else {
			beside = append(beside, l)
		}
	}
	for _, g := range groups(beside, p) {
		if !g.significant() {
			continue
		}
		f.Writing = append(f.Writing, rows(slices.Clone(g), len(g), p)...)
		if g.outside(p) {
			f.Writing = append(f.Writing, joined(g.boxes(p), tight)...)
		} else {
			in = append(in, g...)
		}
	}
	in = slices.DeleteFunc(in, func(l letter) bool {
		return slices.ContainsFunc(f.Writing, func(b Box) bool { return b.union(l.Box) == b })
	})
	for _, g := range groups(in, p) {
		if g.significant() {
			f.Doubtful = append(f.Doubtful, joined(g.boxes(p), loose)...)
			f.Unsure = f.Unsure || g.distinct(p)
		}
	}
}

func sortBoxes(boxes []Box) {
	slices.SortFunc(boxes, func(a, b Box) int {
		return cmp.Or(cmp.Compare(a.Top, b.Top), cmp.Compare(a.Left, b.Left), cmp.Compare(a.Width, b.Width), cmp.Compare(a.Height, b.Height))
	})
}
