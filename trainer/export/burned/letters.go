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
	ink      float32 // stored value of the pixel with the largest contrast
	ground   float32 // and of its background
}

const (
	smallest = .006 // least height of a letter, relative to the longer side
	tallest  = .14
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
	all := pieces(kind, p, func(l *letter, i int) {
		if c := max(r.strokes[i], -r.strokes[i]); c > l.contrast {
			l.contrast, l.ink, l.ground = c, p.Samples[i], p.Samples[i]-r.strokes[i]*r.width
		}
	})
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

// tip reports whether a region is the end of a larger one, such as a corner of the exposed
// field: more than a quarter of what is around it is as bright as the region.
func (l letter) tip(p Picture) bool {
	around := l.grown(2)
	inside := around.Within(p.Rows, p.Columns)
	all, like := 0, 0
	for y := inside.Top; y < inside.Top+inside.Height; y++ {
		for x := inside.Left; x < inside.Left+inside.Width; x++ {
			if l.grown(1).Holds(x, y) {
				continue
			}
			all++
			if v := p.Samples[y*p.Columns+x]; max(v-l.ink, l.ink-v) < max(v-l.ground, l.ground-v) {
				like++
			}
		}
	}
	return 4*like > all
}

// box returns the letter's box with a margin for its soft rim and for strokes that were not
// found.
func (l letter) box(p Picture) Box {
	return p.roomy(l.Box, min(l.Width, l.Height)/4+2, l.size())
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

// outside reports whether no letter can be a part of the anatomy: all are far from it, and not
// higher than letters in rows.
func (g group) outside(p Picture) bool {
	most := int(highest * float64(max(p.Rows, p.Columns)))
	return !slices.ContainsFunc(g, func(l letter) bool { return !p.farFromAnatomy(l.Box) || l.size() > most })
}

// distinct reports whether a letter has high contrast, lies mostly beside anatomy and is not
// the end of something larger.
func (g group) distinct(p Picture) bool {
	return slices.ContainsFunc(g, func(l letter) bool { return l.contrast >= certain && !p.mostlyAnatomy(l.Box) && !l.tip(p) })
}

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
