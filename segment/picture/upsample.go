package picture

import (
	"fmt"

	"dicomnode/internal/raster"
)

// fill writes all rows to out, Classes×Rows×Columns.
func (u *Upsampler) fill(out []float32) {
	n, cols := u.g.Rows*u.g.Columns, u.g.Columns
	raster.ParallelWith(u.g.Rows, u.row, func(r int, cells []cell) {
		u.between(r, cells)
		for c := range Classes {
			u.across(cells, c, 0, out[c*n+r*cols:][:cols])
		}
	})
}

// Upsampler interpolates probabilities on a grid over a picture (Classes×Height×Width) to the
// picture's pixels (Classes×Rows×Columns), row by row, bilinearly between the centres of cells.
// Row is safe for concurrent use.
type Upsampler struct {
	g     Geometry
	p     []float32
	own   bool      // nothing else uses p
	col   []int32   // the cell left of each column
	right []float32 // the weight of the next cell
	first []int     // the first column right of each cell; at the end, the number of columns
}

// Upsampler returns an Upsampler from the map to the picture's pixels.
func (m Map) Upsampler() *Upsampler { return newUpsampler(m.Geometry, m.P) }

func newUpsampler(g Geometry, p []float32) *Upsampler {
	u := &Upsampler{g: g, p: p, col: make([]int32, g.Columns), right: make([]float32, g.Columns), first: make([]int, g.Width+1)}
	cell := 0
	for c := range u.col {
		i, f := raster.Neighbour(c, g.Columns, g.Width)
		u.col[c], u.right[c] = int32(i), f
		for ; cell < i; cell++ {
			u.first[cell+1] = c
		}
	}
	for ; cell < g.Width; cell++ {
		u.first[cell+1] = g.Columns
	}
	return u
}

// Answer averages the probabilities over the network's pixels and adds padding, as Map.Answer.
func (u *Upsampler) Answer() []float32 { return Map{Geometry: u.g, P: u.p}.Answer() }

// row returns a buffer for between.
func (u *Upsampler) row() []cell { return make([]cell, u.g.Width) }

// cell has the value of each class at the centre of a cell, in a row of the picture, and the
// step to the next cell.
type cell struct{ at, step [Classes]float32 }

// between sets cells, Width long, to the values interpolated at picture row r.
func (u *Upsampler) between(r int, cells []cell) {
	for c := range Classes {
		u.classBetween(r, c, 0, u.g.Width, cells)
	}
}

// classBetween is between for one class, and the cells from to to−1.
func (u *Upsampler) classBetween(r, class, from, to int, cells []cell) {
	i, f := raster.Neighbour(r, u.g.Rows, u.g.Height)
	w, plane := u.g.Width, u.p[class*u.g.Height*u.g.Width:]
	top, low := plane[i*w:][:w], plane[min(i+1, u.g.Height-1)*w:][:w]
	before := top[from]*(1-f) + low[from]*f
	for x := from; x < min(to, w-1); x++ {
		next := top[x+1]*(1-f) + low[x+1]*f
		cells[x].at[class], cells[x].step[class] = before, next-before
		before = next
	}
	if to == w {
		cells[w-1].at[class], cells[w-1].step[class] = before, 0
	}
}

// Row sets dst[class] (Columns long) to the probabilities of picture row r.
func (u *Upsampler) Row(r int, dst [Classes][]float32) {
	var buffer [maxCells]cell
	cells := buffer[:u.g.Width]
	u.between(r, cells)
	for c := range dst {
		u.across(cells, c, 0, dst[c][:u.g.Columns])
	}
}

// ClassRow sets dst (Columns long) to the probabilities of one class in picture row r.
func (u *Upsampler) ClassRow(r, class int, dst []float32) {
	var buffer [maxCells]cell
	cells := buffer[:u.g.Width]
	u.classBetween(r, class, 0, u.g.Width, cells)
	u.across(cells, class, 0, dst[:u.g.Columns])
}

// across sets dst to the values of one class in a row, from column first on.
func (u *Upsampler) across(cells []cell, class, first int, dst []float32) {
	right := u.right[first:][:len(dst)]
	for k, x := range u.col[first:][:len(dst)] {
		c := &cells[x]
		dst[k] = c.at[class] + c.step[class]*right[k]
	}
}

// CheckProbabilities returns an error if p is not a distribution over the classes.
func CheckProbabilities(p []float32) error {
	if len(p) != Classes*Side*Side {
		return fmt.Errorf("have %d probabilities, want %d", len(p), Classes*Side*Side)
	}
	for i := range Side * Side {
		var sum float32
		for c := range Classes {
			v := p[c*Side*Side+i]
			if !(v >= -1e-3 && v <= 1+1e-3) {
				return fmt.Errorf("probability %v at input pixel %d", v, i)
			}
			sum += v
		}
		if sum < 0.98 || sum > 1.02 {
			return fmt.Errorf("probabilities at input pixel %d sum to %v", i, sum)
		}
	}
	return nil
}
