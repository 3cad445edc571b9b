package segment

import (
	"math"
)

// Side is the height and width of XNet's input.
const Side = 200

// Geometry maps a picture of Rows×Columns pixels into the Side×Side input and back:
// the picture fills Height×Width input pixels from (Top, Left), its longer side all
// Side of them; the rest is padding. Input pixel i of an axis covers exactly the
// picture's pixels [i·n/m, (i+1)·n/m).
type Geometry struct {
	Rows, Columns int
	Top, Left     int
	Height, Width int
}

// NewGeometry letterboxes a picture of rows×cols pixels, both ≥ 1.
func NewGeometry(rows, cols int) Geometry {
	g := Geometry{Rows: rows, Columns: cols}
	long := max(rows, cols)
	g.Height = max(1, int(math.Round(float64(Side)*float64(rows)/float64(long))))
	g.Width = max(1, int(math.Round(float64(Side)*float64(cols)/float64(long))))
	g.Top, g.Left = (Side-g.Height)/2, (Side-g.Width)/2
	return g
}

// Contains reports whether input pixel (row, col) shows the picture, not padding.
func (g Geometry) Contains(row, col int) bool {
	return row >= g.Top && row < g.Top+g.Height && col >= g.Left && col < g.Left+g.Width
}

// span is the part of a picture's axis under one input pixel, with the weight of each pixel.
type span struct {
	first   int
	weights []float32
}

// spans splits n pixels among m input pixels by area; weights of a span sum to 1.
func spans(n, m int) []span {
	out := make([]span, m)
	for i := range out {
		lo, hi := float64(i)*float64(n)/float64(m), float64(i+1)*float64(n)/float64(m)
		first, last := int(lo), min(n-1, int(math.Ceil(hi))-1)
		w := make([]float32, max(1, last-first+1))
		for k := range w {
			p := float64(first + k)
			w[k] = float32(max(0, min(hi, p+1)-max(lo, p)) / (hi - lo))
		}
		out[i] = span{first, w}
	}
	return out
}

// down averages pix (Rows×Columns, clipped to [lo, hi]) over the Height×Width input pixels.
func (g Geometry) down(pix []float32, lo, hi float32) []float32 {
	rows, cols := spans(g.Rows, g.Height), spans(g.Columns, g.Width)
	out := make([]float32, g.Height*g.Width)
	parallel(g.Height, func(y int) {
		line := make([]float32, g.Columns)
		for k, w := range rows[y].weights {
			src := pix[(rows[y].first+k)*g.Columns:][:g.Columns]
			for c, v := range src {
				if !(v > lo) { // also not a number
					v = lo
				} else if v > hi {
					v = hi
				}
				line[c] += w * v
			}
		}
		for x, s := range cols {
			var sum float32
			for k, w := range s.weights {
				sum += w * line[s.first+k]
			}
			out[y*g.Width+x] = sum
		}
	})
	return out
}

// LabelDown brings a label picture (Rows×Columns) to Side×Side: the class with the
// largest area under each input pixel, the smaller value on a tie; 255 (Ignore) where
// that is 255 and in the padding. It panics when len(label) ≠ Rows×Columns.
func (g Geometry) LabelDown(label []uint8) []uint8 {
	if len(label) != g.Rows*g.Columns {
		panic("segment: LabelDown: label size does not match the geometry")
	}
	rows, cols := spans(g.Rows, g.Height), spans(g.Columns, g.Width)
	out := make([]uint8, Side*Side)
	for i := range out {
		out[i] = uint8(Ignore)
	}
	parallel(g.Height, func(y int) {
		for x := range cols {
			out[(g.Top+y)*Side+g.Left+x] = g.majority(label, rows[y], cols[x])
		}
	})
	return out
}

func (g Geometry) majority(label []uint8, row, col span) uint8 {
	var area [256]float32
	best := label[row.first*g.Columns+col.first]
	for j, wr := range row.weights {
		line := label[(row.first+j)*g.Columns+col.first:]
		for k, wc := range col.weights {
			area[line[k]] += wr * wc
		}
	}
	for j := range row.weights {
		for _, l := range label[(row.first+j)*g.Columns+col.first:][:len(col.weights)] {
			if area[l] > area[best] || area[l] == area[best] && l < best {
				best = l
			}
		}
	}
	return best
}

// ProbabilitiesUp brings p (Classes×Side×Side) to Classes×Rows×Columns, bilinearly
// between pixel centres; padding never takes part. For one row at a time without the
// large result see Upsampler. It panics when len(p) ≠ Classes×Side×Side.
func (g Geometry) ProbabilitiesUp(p []float32) []float32 {
	u := g.Upsampler(p)
	n := g.Rows * g.Columns
	out := make([]float32, Classes*n)
	parallel(g.Rows, func(r int) {
		var dst [Classes][]float32
		for c := range dst {
			dst[c] = out[c*n+r*g.Columns:][:g.Columns]
		}
		u.Row(r, dst)
	})
	return out
}

// Upsampler interpolates probabilities row by row (Geometry.ProbabilitiesUp). Row is
// safe for concurrent use.
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
		panic("segment: Upsampler: want 3×200×200 probabilities")
	}
	return newUpsampler(g, p, Side)
}

func newUpsampler(g Geometry, p []float32, stride int) *Upsampler {
	u := &Upsampler{g: g, p: p, stride: stride, plane: len(p) / Classes, col: make([]int32, g.Columns), right: make([]float32, g.Columns)}
	for c := range u.col {
		i, f := neighbour(c, g.Columns, g.Width)
		u.col[c], u.right[c] = int32(i), f
	}
	return u
}

// neighbour returns the input pixel i at or before the centre of pixel k of n, and the
// share of i+1, for an axis of m input pixels.
func neighbour(k, n, m int) (i int, f float32) {
	x := (float64(k)+0.5)*float64(m)/float64(n) - 0.5
	x = min(max(x, 0), float64(m-1))
	i = min(int(x), max(0, m-2))
	return i, float32(x - float64(i))
}

// Row fills dst[class] (Columns long) with the probabilities of picture row r.
func (u *Upsampler) Row(r int, dst [Classes][]float32) {
	i, f := neighbour(r, u.g.Rows, u.g.Height)
	next := u.stride
	if u.g.Height == 1 {
		next = 0
	}
	var line [maxCells + 1]float32
	for c := range dst {
		top := u.p[c*u.plane+(u.g.Top+i)*u.stride+u.g.Left:]
		low := top[next:]
		for x := range u.g.Width {
			line[x] = top[x]*(1-f) + low[x]*f
		}
		line[u.g.Width] = line[u.g.Width-1]
		out := dst[c][:len(u.col)]
		for k, x := range u.col {
			a := line[x]
			out[k] = a + (line[x+1]-a)*u.right[k]
		}
	}
}
