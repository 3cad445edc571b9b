package importer

import (
	"cmp"
	"image"
	"maps"
	"slices"

	"dicomnode/trainer/dataset"
)

// Unknown is a colour that means nothing, with the number of its pixels and the
// place of the first.
type Unknown struct {
	Colour string `json:"colour"`
	Pixels int    `json:"pixels"`
	Row    int    `json:"row"`
	Column int    `json:"column"`
}

// painted is a label picture being resolved.
type painted struct {
	*Palette
	rows, cols int
	colour     []rgb
	clear      []bool
	ink        []int // of each pixel, -1 while open
}

// reach is how far from a pixel the colours are looked for that were mixed to
// its; edges wider than twice of it are resolved in several rounds.
const (
	reach  = 2
	rounds = 4
)

// Resolve turns a painted label into classes. A pixel of an anti-aliased edge, whose
// colour is a mixture of those painted around it, takes the nearest of them.
// blended is the number of such pixels. Pixels of unknown colours become Ignore
// and are listed, the most frequent colour first.
func (p *Palette) Resolve(m image.Image) (label *image.Gray, blended int, unknown []Unknown) {
	b := m.Bounds()
	q := &painted{Palette: p, rows: b.Dy(), cols: b.Dx(), ink: make([]int, b.Dx()*b.Dy())}
	q.colour, q.clear = colours(m)
	for i := range q.ink {
		q.ink[i] = p.match(q.colour[i], q.clear[i])
	}
	q.reopen()
	for range rounds {
		n := q.round(q.ofNeighbours)
		blended += n
		if n == 0 {
			break
		}
	}
	blended += q.round(q.ofOneNeighbour)
	blended += q.round(q.ofAny)
	return q.label(), blended, q.unknown()
}

// around lists the inks within r pixels of pixel i, each once; count is how many
// of these pixels have i's own ink.
func (q *painted) around(i, r int) (inks []int, count int) {
	y, x := i/q.cols, i%q.cols
	for v := max(0, y-r); v <= min(q.rows-1, y+r); v++ {
		for u := max(0, x-r); u <= min(q.cols-1, x+r); u++ {
			k := q.ink[v*q.cols+u]
			if v == y && u == x || k < 0 {
				continue
			}
			if k == q.ink[i] {
				count++
			}
			if !slices.Contains(inks, k) {
				inks = append(inks, k)
			}
		}
	}
	return inks, count
}

// reopen takes back single pixels that have the colour of a class only because two
// others were mixed to it, as grey is between black and white.
func (q *painted) reopen() {
	var back []int
	for i, k := range q.ink {
		if k < 0 || q.clear[i] || q.interior(i) {
			continue
		}
		if inks, own := q.around(i, 1); own == 0 && len(inks) > 1 && q.mixed(i, inks) >= 0 {
			back = append(back, i)
		}
	}
	for _, i := range back {
		q.ink[i] = -1
	}
}

// interior is a quick no to whether pixel i is alone.
func (q *painted) interior(i int) bool {
	return i > 0 && q.ink[i-1] == q.ink[i] && i%q.cols > 0 || i+1 < len(q.ink) && q.ink[i+1] == q.ink[i] && (i+1)%q.cols > 0
}

// round resolves open pixels with the ink that resolve finds for each, all at once.
func (q *painted) round(resolve func(i int) int) int {
	found := map[int]int{}
	for i, k := range q.ink {
		if k >= 0 || q.clear[i] {
			continue
		}
		if k := resolve(i); k >= 0 {
			found[i] = k
		}
	}
	for i, k := range found {
		q.ink[i] = k
	}
	return len(found)
}

// ofNeighbours takes the colour as a mixture of inks around it.
func (q *painted) ofNeighbours(i int) int {
	inks, _ := q.around(i, reach)
	return q.mixed(i, inks)
}

// ofOneNeighbour takes the colour as a mixture of an ink beside it with any other:
// along lines so thin that no pixel has their own colour.
func (q *painted) ofOneNeighbour(i int) int {
	beside, _ := q.around(i, 1)
	best := -1
	for _, k := range beside {
		for l := range q.inks {
			if l == k {
				continue
			}
			if m := q.mixed(i, []int{k, l}); m >= 0 && (best < 0 || q.nearer(i, m, best)) {
				best = m
			}
		}
	}
	return best
}

// lone is how many of the eight pixels around one must be resolved to take it for
// part of an edge where three inks meet.
const lone = 6

// ofAny takes the nearest ink beside a lone pixel, whose colour must be between
// those of the palette.
func (q *painted) ofAny(i int) int {
	y, x := i/q.cols, i%q.cols
	resolved := 0
	for v := max(0, y-1); v <= min(q.rows-1, y+1); v++ {
		for u := max(0, x-1); u <= min(q.cols-1, x+1); u++ {
			if q.ink[v*q.cols+u] >= 0 {
				resolved++
			}
		}
	}
	var all []int
	for k, ink := range q.inks {
		if !ink.clear {
			all = append(all, k)
		}
	}
	beside, _ := q.around(i, 1)
	beside = slices.DeleteFunc(beside, func(k int) bool { return q.inks[k].clear })
	if resolved < lone || len(beside) == 0 || !q.between(q.colour[i], all) {
		return -1
	}
	return slices.MinFunc(beside, func(a, b int) int {
		return q.colour[i].distance(q.inks[a].colour) - q.colour[i].distance(q.inks[b].colour)
	})
}

// nearer reports whether ink k is nearer to pixel i's colour than ink l.
func (q *painted) nearer(i, k, l int) bool {
	return q.colour[i].distance(q.inks[k].colour) < q.colour[i].distance(q.inks[l].colour)
}

// mixed is the nearest of the inks that pixel i's colour is a mixture of, -1 where
// it is none. Where three inks meet, a mixture of them all is between the extremes
// of each channel.
func (q *painted) mixed(i int, inks []int) int {
	best := -1
	consider := func(k int) {
		if best < 0 || q.nearer(i, k, best) {
			best = k
		}
	}
	solid := slices.DeleteFunc(slices.Clone(inks), func(k int) bool { return q.inks[k].clear || k == q.ink[i] })
	for a, k := range solid {
		for _, l := range solid[:a] {
			if q.blends(q.colour[i], q.inks[k].colour, q.inks[l].colour) {
				consider(k)
				consider(l)
			}
		}
	}
	if best < 0 && len(solid) > 2 && q.between(q.colour[i], solid) {
		for _, k := range solid {
			consider(k)
		}
	}
	return best
}

func (q *painted) between(c rgb, inks []int) bool {
	for k := range c {
		low, high := uint8(255), uint8(0)
		for _, i := range inks {
			low, high = min(low, q.inks[i].colour[k]), max(high, q.inks[i].colour[k])
		}
		if c[k] < low || c[k] > high {
			return false
		}
	}
	return true
}

func (q *painted) label() *image.Gray {
	m := image.NewGray(image.Rect(0, 0, q.cols, q.rows))
	for i, k := range q.ink {
		m.Pix[i] = dataset.Ignore
		if k >= 0 {
			m.Pix[i] = q.inks[k].class
		}
	}
	return m
}

func (q *painted) unknown() []Unknown {
	found := map[string]Unknown{}
	for i, k := range q.ink {
		if k >= 0 {
			continue
		}
		name := q.colour[i].String()
		if q.clear[i] {
			name = "transparent"
		}
		u, ok := found[name]
		if !ok {
			u = Unknown{Colour: name, Row: i / q.cols, Column: i % q.cols}
		}
		u.Pixels++
		found[name] = u
	}
	return slices.SortedFunc(maps.Values(found), func(a, b Unknown) int {
		return cmp.Or(cmp.Compare(b.Pixels, a.Pixels), cmp.Compare(a.Colour, b.Colour))
	})
}
