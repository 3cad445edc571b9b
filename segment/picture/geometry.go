package picture

import (
	"math"

	"dicomnode/internal/raster"
)

// Side is the height and width of XNet's input in pixels.
const Side = 200

// Geometry maps a picture of Rows×Columns pixels to the Side×Side input and back. The picture
// fills Height×Width input pixels from (Top, Left); its longer side fills Side pixels. The rest
// is padding. Along an axis, input pixel i covers exactly the picture's pixels [i·n/m,
// (i+1)·n/m).
type Geometry struct {
	Rows, Columns int
	Top, Left     int
	Height, Width int
	// Low and High are the percentiles to which Canonical clipped the picture; both are 0 in a
	// Geometry that is not from Canonical.
	Low, High float32
}

// NewGeometry returns the letterbox of a picture of rows×cols pixels, both ≥ 1.
func NewGeometry(rows, cols int) Geometry {
	g := Geometry{Rows: rows, Columns: cols}
	long := max(rows, cols)
	g.Height = max(1, int(math.Round(float64(Side)*float64(rows)/float64(long))))
	g.Width = max(1, int(math.Round(float64(Side)*float64(cols)/float64(long))))
	g.Top, g.Left = (Side-g.Height)/2, (Side-g.Width)/2
	return g
}

// span is the part of a picture's axis that an input pixel covers, with the weight of each
// pixel.
type span struct {
	first   int
	weights []float32
}

// spans divides n pixels among m input pixels by area; the weights of a span sum to 1.
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

// Down averages pix (Rows×Columns, clipped to [lo, hi]) over the Height×Width input pixels.
func (g Geometry) Down(pix []float32, lo, hi float32) []float32 {
	return g.down(raster.Area{V: pix, Stride: g.Columns, Rows: g.Rows, Columns: g.Columns}, lo, hi)
}

func (g Geometry) down(pix raster.Area, lo, hi float32) []float32 {
	rows, cols := spans(g.Rows, g.Height), spans(g.Columns, g.Width)
	out := make([]float32, g.Height*g.Width)
	raster.ParallelWith(g.Height, func() []float32 { return make([]float32, g.Columns) }, func(y int, line []float32) {
		clear(line)
		s, k := rows[y], 0
		for ; k+1 < len(s.weights); k += 2 {
			addTwo(line, pix.Row(s.first+k), pix.Row(s.first+k+1), s.weights[k], s.weights[k+1], lo, hi)
		}
		if k < len(s.weights) {
			addOne(line, pix.Row(s.first+k), s.weights[k], lo, hi)
		}
		for x, s := range cols {
			var sum float32
			for k, v := range line[s.first:][:len(s.weights)] {
				sum += s.weights[k] * v
			}
			out[y*g.Width+x] = sum
		}
	})
	return out
}

// addOne adds a row, clipped to [lo, hi] and multiplied by its weight, to line.
func addOne(line, row []float32, w, lo, hi float32) {
	row = row[:len(line)]
	for i, sum := range line {
		v := row[i]
		if !(v > lo) { // also true for NaN
			v = lo
		} else if v > hi {
			v = hi
		}
		line[i] = sum + w*v
	}
}

// addTwo is addOne of a row a and then of a row b.
func addTwo(line, a, b []float32, wa, wb, lo, hi float32) {
	a, b = a[:len(line)], b[:len(line)]
	for i, sum := range line {
		v := a[i]
		if !(v > lo) {
			v = lo
		} else if v > hi {
			v = hi
		}
		sum += wa * v
		if v = b[i]; !(v > lo) {
			v = lo
		} else if v > hi {
			v = hi
		}
		line[i] = sum + wb*v
	}
}

// LabelDown reduces a label picture (Rows×Columns) to Side×Side. Each input pixel gets the
// class with the largest area under it, the smaller class on a tie; this may be Ignore (255).
// Padding is Ignore. LabelDown panics if len(label) ≠ Rows×Columns.
func (g Geometry) LabelDown(label []uint8) []uint8 {
	if len(label) != g.Rows*g.Columns {
		panic("picture: LabelDown: label size does not match the geometry")
	}
	rows, cols := spans(g.Rows, g.Height), spans(g.Columns, g.Width)
	out := make([]uint8, Side*Side)
	for i := range out {
		out[i] = Ignore
	}
	raster.Parallel(g.Height, func(y int) {
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

// Cut removes the padding: it returns Height×Width values of a Side×Side plane.
func (g Geometry) Cut(plane []float32) []float32 {
	out := make([]float32, g.Height*g.Width)
	for y := range g.Height {
		copy(out[y*g.Width:][:g.Width], plane[(g.Top+y)*Side+g.Left:])
	}
	return out
}
