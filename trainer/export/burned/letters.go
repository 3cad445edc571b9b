package burned

import (
	"cmp"
	"math"
	"slices"

	"dicomnode/internal/raster"
)

// letter is a connected region of strokes that can be a letter or a part of one.
type letter struct {
	Box
	area     int     // pixels
	contrast float32 // the largest of its pixels, relative to the image's range
	full     bool    // ink covers some pixel almost completely
}

const (
	smallest = .006 // least height of a letter, relative to the longer side
	tallest  = .14
	// nearby is the distance in pixels from anatomy up to which a box counts as beside it.
	nearby = 4
)

// pieces returns the connected regions of pixels of the same kind other than 0. It calls look
// for each of their pixels.
func pieces(kind []uint8, p Picture, look func(l *letter, pixel int)) []letter {
	g := raster.Connect(kind, p.Rows, p.Columns)
	at := map[int]int{}
	var out []letter
	for i, run := range g.Runs {
		if kind[g.First(i)] == 0 {
			continue
		}
		b := Box{int(run.From), int(run.Row), int(run.To - run.From), 1}
		k, known := at[g.Root(i)]
		if !known {
			k = len(out)
			at[g.Root(i)] = k
			out = append(out, letter{Box: b})
		}
		out[k].Box = out[k].union(b)
		out[k].area += b.Width
		for x := range b.Width {
			look(&out[k], g.First(i)+x)
		}
	}
	return out
}

// strokeLetters returns the regions of strokes that have the size of a letter. Long thin ones
// are left out: they are lines of a frame, a ruler or the edge of a collimator.
func strokeLetters(r relief, p Picture) []letter {
	kind := make([]uint8, len(r.strokes))
	for i, v := range r.strokes {
		if v > 0 {
			kind[i] = 1
		} else if v < 0 {
			kind[i] = 2
		}
	}
	all := pieces(kind, p, func(l *letter, i int) { l.contrast = max(l.contrast, r.strokes[i], -r.strokes[i]) })
	return slices.DeleteFunc(all, func(l letter) bool {
		return !l.sized(3, tallest, p) || 20*l.area <= l.Width*l.Height
	})
}

// sized reports whether a region has the size of a letter: at least pixels, and at most the
// share most of the longer side.
func (l letter) sized(pixels int, most float64, p Picture) bool {
	side := float64(max(p.Rows, p.Columns))
	least := max(pixels, int(math.Round(smallest*side)))
	long, short := l.size(), min(l.Width, l.Height)
	return long >= least && long <= int(most*side) && l.area >= least && !(long > 12*short && long > 4*least)
}

// box returns the letter's box with a margin for its soft rim.
func (l letter) box(p Picture) Box {
	return l.grown(min(l.Width, l.Height)/4+2).Within(p.Rows, p.Columns)
}

// group is a cluster of letters: a word, a line or a block of them.
type group []letter

func (g group) contrast() (most float32) {
	for _, l := range g {
		most = max(most, l.contrast)
	}
	return most
}

// significant reports whether there are more than two letters, or one with high contrast.
func (g group) significant() bool { return len(g) > 2 || g.contrast() >= certain }

func (g group) boxes(p Picture) []Box {
	out := make([]Box, len(g))
	for i, l := range g {
		out[i] = l.box(p)
	}
	return out
}

// groups clusters letters that are closer than their own size, in any direction, because text
// is rotated with the picture.
func groups(all []letter, p Picture) []group {
	slices.SortFunc(all, func(a, b letter) int { return cmp.Or(cmp.Compare(a.Top, b.Top), cmp.Compare(a.Left, b.Left)) })
	parent := make([]int, len(all))
	for i := range parent {
		parent[i] = i
	}
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	reach := int(tallest * float64(max(p.Rows, p.Columns)))
	for i := range all {
		for j := i + 1; j < len(all) && all[j].Top <= all[i].Top+all[i].Height+reach; j++ {
			if all[i].grown(max(3, min(all[i].size(), all[j].size()))).touches(all[j].Box) {
				parent[root(j)] = root(i)
			}
		}
	}
	at, out := map[int]int{}, []group{}
	for i, l := range all {
		k, known := at[root(i)]
		if !known {
			k = len(out)
			at[root(i)] = k
			out = append(out, nil)
		}
		out[k] = append(out[k], l)
	}
	return out
}

// inAnatomy reports whether the model labels more than a tenth of a box as soft tissue or bone.
func inAnatomy(b Box, p Picture) bool {
	if p.Label == nil {
		return false
	}
	n := 0
	for y := b.Top; y < b.Top+b.Height; y++ {
		for _, l := range p.Label[y*p.Columns+b.Left:][:b.Width] {
			if l == 1 || l == 2 {
				n++
			}
		}
	}
	return 10*n > b.Width*b.Height
}
