package burned

import (
	"cmp"
	"math"
	"slices"

	"dicomnode/internal/raster"
)

// letter is a connected piece of stroke that can be a letter or a part of one.
type letter struct {
	Box
	area     int
	contrast float32 // the largest of its pixels
}

const (
	smallest = .006 // height of a letter, as parts of the longer side
	tallest  = .14
)

// letters are the pieces of strokes of a letter's size. Long thin ones are lines of
// a frame, a ruler or the edge of a collimator.
func letters(strokes []float32, p Picture) []letter {
	side := float64(max(p.Rows, p.Columns))
	least, most := max(3, int(math.Round(smallest*side))), int(tallest*side)
	var out []letter
	for _, l := range pieces(strokes, p) {
		long, short := max(l.Width, l.Height), min(l.Width, l.Height)
		full := float64(l.area) / float64(l.Width*l.Height)
		if long >= least && long <= most && l.area >= least && !(long > 12*short && long > 4*least) && full > .05 {
			out = append(out, l)
		}
	}
	return out
}

// pieces are the connected regions of strokes of one kind.
func pieces(strokes []float32, p Picture) []letter {
	kind := make([]uint8, len(strokes))
	for i, v := range strokes {
		if v > 0 {
			kind[i] = 1
		} else if v < 0 {
			kind[i] = 2
		}
	}
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
		for _, v := range strokes[g.First(i):][:b.Width] {
			out[k].contrast = max(out[k].contrast, v, -v)
		}
	}
	return out
}

// group is a cluster of letters: a word, a line or a block of them.
type group struct {
	Box
	letters  []Box
	margin   int
	contrast float32
}

// boxes are the group's box, or where its letters fill little of it, as those of
// writing that runs askew do, one for each letter.
func (g group) boxes(p Picture) []Box {
	full := 0
	for _, l := range g.letters {
		full += l.Width * l.Height
	}
	if 100*full >= dense*g.Width*g.Height {
		return []Box{g.Box.grown(g.margin).Within(p.Rows, p.Columns)}
	}
	out := make([]Box, 0, len(g.letters))
	for _, l := range g.letters {
		out = append(out, l.grown(g.margin).Within(p.Rows, p.Columns))
	}
	return out
}

// dense is how much of its box the letters of a line of writing fill, in percent.
const dense = 30

// groups clusters letters that are nearer than their own size, in any direction,
// since writing is turned as the picture is.
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
			gap := max(3, min(max(all[i].Width, all[i].Height), max(all[j].Width, all[j].Height)))
			if all[i].grown(gap).touches(all[j].Box) {
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
			out = append(out, group{Box: l.Box})
		}
		out[k].Box = out[k].union(l.Box)
		out[k].letters = append(out[k].letters, l.Box)
		out[k].margin = max(out[k].margin, min(l.Width, l.Height)/4+2)
		out[k].contrast = max(out[k].contrast, l.contrast)
	}
	return out
}

// mostlyAnatomy tells whether the model calls most of a box, and of its surroundings,
// soft tissue or bone.
func mostlyAnatomy(b Box, p Picture) bool {
	if p.Label == nil {
		return false
	}
	b = b.grown(max(b.Width, b.Height)/3).Within(p.Rows, p.Columns)
	n := 0
	for y := b.Top; y < b.Top+b.Height; y++ {
		for _, l := range p.Label[y*p.Columns+b.Left:][:b.Width] {
			if l == 1 || l == 2 {
				n++
			}
		}
	}
	return 10*n > 6*b.Width*b.Height
}
