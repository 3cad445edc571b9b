package raster

import "encoding/binary"

// Run is a stretch of one value in a row: columns From to To−1.
type Run struct {
	Row, From, To int32
	parent        int32
}

// Regions are the 4-connected regions of equal values of a picture, as runs row by row.
// A region is named by the index of one of its runs, its root. It is not safe for
// concurrent use.
type Regions struct {
	Runs []Run
	cols int
}

// Connect splits a picture of rows×cols values into runs, and joins those of one value
// that touch vertically.
func Connect(v []uint8, rows, cols int) *Regions {
	g := &Regions{cols: cols}
	above := 0
	for r := range rows {
		first := len(g.Runs)
		g.split(v[r*cols:][:cols], r)
		if r > 0 {
			g.join(v, above, first)
		}
		above = first
	}
	return g
}

// Stretched calls f for each stretch of one value of a row, from left to right: columns from to
// to−1.
func Stretched(row []uint8, f func(v uint8, from, to int)) {
	for from := 0; from < len(row); {
		to := runEnd(row, from)
		f(row[from], from, to)
		from = to
	}
}

// split appends the runs of row r.
func (g *Regions) split(line []uint8, r int) {
	for from := 0; from < len(line); {
		to := runEnd(line, from)
		g.Runs = append(g.Runs, Run{int32(r), int32(from), int32(to), int32(len(g.Runs))})
		from = to
	}
}

// runEnd is the first place behind from where another value stands than there.
func runEnd(line []uint8, from int) int {
	v, to := line[from], from+1
	eight := uint64(v) * 0x0101010101010101
	for to+8 <= len(line) && binary.LittleEndian.Uint64(line[to:]) == eight {
		to += 8
	}
	for to < len(line) && line[to] == v {
		to++
	}
	return to
}

// join unites touching runs of one value in two consecutive rows, whose first runs are
// above and below.
func (g *Regions) join(v []uint8, above, below int) {
	a, b := above, below
	for a < below && b < len(g.Runs) {
		ra, rb := g.Runs[a], g.Runs[b]
		if ra.From < rb.To && rb.From < ra.To && v[g.First(a)] == v[g.First(b)] {
			i, j := g.Root(a), g.Root(b)
			g.Runs[max(i, j)].parent = int32(min(i, j))
		}
		if ra.To <= rb.To {
			a++
		} else {
			b++
		}
	}
}

// Root names the region of run i, halving the path to it.
func (g *Regions) Root(i int) int {
	k := int32(i)
	for g.Runs[k].parent != k {
		g.Runs[k].parent = g.Runs[g.Runs[k].parent].parent
		k = g.Runs[k].parent
	}
	return int(k)
}

// First is the place of run i's first pixel in the picture.
func (g *Regions) First(i int) int { return int(g.Runs[i].Row)*g.cols + int(g.Runs[i].From) }

// Areas are the pixels of each region, at its root's index; 0 at other indices.
func (g *Regions) Areas() []int {
	area := make([]int, len(g.Runs))
	for i, r := range g.Runs {
		area[g.Root(i)] += int(r.To - r.From)
	}
	return area
}
