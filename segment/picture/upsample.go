package picture

import (
	"fmt"

	"dicomnode/internal/raster"
)

// fill writes every row into out, Classes×Rows×Columns.
func (u *Upsampler) fill(out []float32) {
	n, cols := u.g.Rows*u.g.Columns, u.g.Columns
	raster.Parallel(u.g.Rows, func(r int) {
		var dst [Classes][]float32
		for c := range dst {
			dst[c] = out[c*n+r*cols:][:cols]
		}
		u.Row(r, dst)
	})
}

// Upsampler brings probabilities, Classes×Side×Side, row by row to Classes×Rows×Columns,
// bilinearly between pixel centres; padding never takes part. Row is safe for concurrent
// use.
type Upsampler struct {
	g      Geometry // Height×Width values of each class from (Top, Left)
	p      []float32
	stride int     // of a row of p
	plane  int     // values of a class in p
	col    []int32 // left neighbour of each column, relative to Left
	right  []float32
}

// Upsampler prepares p, Classes×Side×Side, and panics at another size.
func (g Geometry) Upsampler(p []float32) *Upsampler {
	if len(p) != Classes*Side*Side {
		panic("picture: Upsampler: want 3×200×200 probabilities")
	}
	return newUpsampler(g, p, Side)
}

func newUpsampler(g Geometry, p []float32, stride int) *Upsampler {
	u := &Upsampler{g: g, p: p, stride: stride, plane: len(p) / Classes, col: make([]int32, g.Columns), right: make([]float32, g.Columns)}
	for c := range u.col {
		i, f := raster.Neighbour(c, g.Columns, g.Width)
		u.col[c], u.right[c] = int32(i), f
	}
	return u
}

// Row fills dst[class] (Columns long) with the probabilities of picture row r.
func (u *Upsampler) Row(r int, dst [Classes][]float32) {
	for c := range dst {
		u.ClassRow(r, c, dst[c])
	}
}

// ClassRow fills dst (Columns long) with the probabilities of one class in picture row r.
func (u *Upsampler) ClassRow(r, class int, dst []float32) {
	i, f := raster.Neighbour(r, u.g.Rows, u.g.Height)
	next := u.stride
	if u.g.Height == 1 {
		next = 0
	}
	var line [maxCells + 1]float32
	top := u.p[class*u.plane+(u.g.Top+i)*u.stride+u.g.Left:]
	low := top[next:]
	for x := range u.g.Width {
		line[x] = top[x]*(1-f) + low[x]*f
	}
	line[u.g.Width] = line[u.g.Width-1]
	out := dst[:len(u.col)]
	for k, x := range u.col {
		a := line[x]
		out[k] = a + (line[x+1]-a)*u.right[k]
	}
}

// Below marks the picture's pixels at which v, Height×Width, is below limit,
// interpolated bilinearly between the centres of its pixels.
func (g Geometry) Below(v []float32, limit float32) Mask {
	m := make(Mask, g.Rows*g.Columns)
	at, share := make([]int, g.Columns), make([]float32, g.Columns)
	for k := range at {
		at[k], share[k] = raster.Neighbour(k, g.Columns, g.Width)
	}
	raster.Parallel(g.Rows, func(r int) {
		i, f := raster.Neighbour(r, g.Rows, g.Height)
		top, low := v[i*g.Width:][:g.Width], v[min(i+1, g.Height-1)*g.Width:][:g.Width]
		line := make([]float32, g.Width+1)
		for x := range g.Width {
			line[x] = top[x]*(1-f) + low[x]*f
		}
		line[g.Width] = line[g.Width-1]
		row := m[r*g.Columns:][:g.Columns]
		for k, x := range at {
			row[k] = line[x]+(line[x+1]-line[x])*share[k] < limit
		}
	})
	return m
}

// CheckProbabilities refuses an answer that is no distribution over the classes.
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
