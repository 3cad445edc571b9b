package picture

import "dicomnode/internal/raster"

// rounding is greater than the rounding error of an interpolation.
const rounding = 1e-5

// Levels interpolates v, Height×Width values from 0 to 1, bilinearly between the centres of its
// cells. It calls f for every row of the picture with masks of the pixels below low and below
// high; low must not exceed high. It calls f from several goroutines and reuses the masks
// afterwards.
func (g Geometry) Levels(v []float32, low, high float32, f func(r int, belowLow, belowHigh []bool)) {
	across := newColumns(g)
	type row struct {
		line                []float32
		belowLow, belowHigh []bool
	}
	room := func() row {
		return row{make([]float32, g.Width+1), make([]bool, g.Columns), make([]bool, g.Columns)}
	}
	raster.ParallelWith(g.Rows, room, func(r int, own row) {
		i, share := raster.Neighbour(r, g.Rows, g.Height)
		top, bottom := v[i*g.Width:][:g.Width], v[min(i+1, g.Height-1)*g.Width:][:g.Width]
		for x := range g.Width {
			own.line[x] = top[x]*(1-share) + bottom[x]*share
		}
		own.line[g.Width] = own.line[g.Width-1]
		across.below(own.line, low, own.belowLow)
		across.below(own.line, high, own.belowHigh)
		f(r, own.belowLow, own.belowHigh)
	})
}

// columns maps the picture's columns to those of a grid.
type columns struct {
	first []int     // first column right of the centre of each cell; at the end, the number of columns
	share []float32 // for each column, the weight of the next cell
}

func newColumns(g Geometry) columns {
	c := columns{make([]int, g.Width+1), make([]float32, g.Columns)}
	cell := 0
	for k := range c.share {
		at, share := raster.Neighbour(k, g.Columns, g.Width)
		for ; cell < at; cell++ {
			c.first[cell+1] = k
		}
		c.share[k] = share
	}
	for ; cell < g.Width; cell++ {
		c.first[cell+1] = g.Columns
	}
	return c
}

// below marks the columns at which line, the values of a row of cells, is below limit. Between
// two cells that are both below or both above, it does not look at single columns.
func (c columns) below(line []float32, limit float32, out []bool) {
	clear(out)
	for x := 0; x < len(c.first)-1; x++ {
		from, to := c.first[x], c.first[x+1]
		switch a, b := line[x], line[x+1]; {
		case min(a, b) > limit+rounding:
		case max(a, b) < limit-rounding:
			raster.Set(out[from:to])
		default:
			for k := from; k < to; k++ {
				out[k] = a+(b-a)*c.share[k] < limit
			}
		}
	}
}
