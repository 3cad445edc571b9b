package picture_test

import (
	"math"
	"slices"
	"testing"

	"dicomnode/internal/raster"
	"dicomnode/segment/picture"
)

// exposedSlowly sums every pixel of every cell.
func exposedSlowly(g picture.Geometry, field picture.Mask) []float32 {
	weights := func(n, m, i int) (first int, w []float32) {
		lo, hi := float64(i)*float64(n)/float64(m), float64(i+1)*float64(n)/float64(m)
		for p := int(lo); p < n && (len(w) == 0 || float64(p) < hi); p++ {
			w = append(w, float32(max(0, min(hi, float64(p+1))-max(lo, float64(p)))/(hi-lo)))
		}
		return int(lo), w
	}
	out := make([]float32, g.Height*g.Width)
	for i := range out {
		y, rows := weights(g.Rows, g.Height, i/g.Width)
		x, cols := weights(g.Columns, g.Width, i%g.Width)
		for j, a := range rows {
			for k, b := range cols {
				if field[(y+j)*g.Columns+x+k] {
					out[i] += a * b
				}
			}
		}
	}
	return out
}

var fields = map[string]func(y, x, rows, cols int) bool{
	"all":       func(int, int, int, int) bool { return true },
	"none":      func(int, int, int, int) bool { return false },
	"rectangle": func(y, x, rows, cols int) bool { return y > rows/5 && x > cols/7 && x < cols*4/5 },
	"turned":    func(y, x, rows, cols int) bool { return 3*y+x > rows && y-2*x > -cols },
	"circle": func(y, x, rows, cols int) bool {
		return math.Hypot(float64(y-rows/2), float64(x-cols/2)) < float64(cols)/3
	},
	"holes": func(y, x, rows, cols int) bool { return y%37 > 5 && (x%41 > 3 || y%50 < 9) },
	"dust":  func(y, x, _, _ int) bool { return (y*7+x*13)%5 > 0 },
}

var shapes = [][2]int{{200, 200}, {613, 487}, {373, 454}, {1, 1}, {1, 5000}, {3000, 2}, {7, 13}}

// Exposed gives the same sums as adding every pixel.
func TestExposed(t *testing.T) {
	for _, size := range [][2]int{{500, 410}, {373, 454}, {1, 1}, {1, 700}, {640, 2}, {613, 487}} {
		g := picture.NewGeometry(size[0], size[1])
		fine := g
		fine.Height, fine.Width = min(size[0], 3*g.Height), min(size[1], 3*g.Width)
		for name, in := range fields {
			field := make(picture.Mask, size[0]*size[1])
			for i := range field {
				field[i] = in(i/size[1], i%size[1], size[0], size[1])
			}
			for _, g := range []picture.Geometry{g, fine} {
				if got, want := g.Exposed(field), exposedSlowly(g, field); !slices.Equal(got, want) {
					t.Errorf("%v in %d×%d cells, %s: another share of a cell", size, g.Height, g.Width, name)
				}
			}
		}
	}
}

// Levels gives for each pixel the same result as interpolation.
func TestLevels(t *testing.T) {
	const low, high = 0.1, 0.65
	for _, size := range shapes {
		g := picture.NewGeometry(size[0], size[1])
		v := make([]float32, g.Height*g.Width)
		for i := range v {
			y, x := i/g.Width, i%g.Width
			v[i] = float32(0.5 + 0.6*math.Sin(float64(x)/9)*math.Cos(float64(y)/13))
			if v[i] = min(max(v[i], 0), 1); x%50 > 40 {
				v[i] = float32(math.Round(float64(v[i])))
			}
		}
		got := [2]picture.Mask{make(picture.Mask, size[0]*size[1]), make(picture.Mask, size[0]*size[1])}
		g.Levels(v, low, high, func(r int, belowLow, belowHigh []bool) {
			copy(got[0][r*size[1]:], belowLow)
			copy(got[1][r*size[1]:], belowHigh)
		})
		for i := range got[0] {
			p := between(g, v, i/size[1], i%size[1])
			if got[0][i] != (p < low) || got[1][i] != (p < high) {
				t.Fatalf("%v pixel %d: %v is below %v: %v, below %v: %v", size, i, p, low, got[0][i], high, got[1][i])
			}
		}
	}
}

// between interpolates v at a pixel of the picture.
func between(g picture.Geometry, v []float32, r, c int) float32 {
	i, fy := raster.Neighbour(r, g.Rows, g.Height)
	k, fx := raster.Neighbour(c, g.Columns, g.Width)
	low, right := min(i+1, g.Height-1), min(k+1, g.Width-1)
	a := v[i*g.Width+k]*(1-fy) + v[low*g.Width+k]*fy
	b := v[i*g.Width+right]*(1-fy) + v[low*g.Width+right]*fy
	return a + (b-a)*fx
}

// An area of a picture is treated as a separate picture.
func TestCanonicalOfAnArea(t *testing.T) {
	const rows, cols = 500, 431
	pix := make([]float32, rows*cols)
	for i := range pix {
		pix[i] = float32(i * 7919 % 4001)
	}
	for _, size := range [][2]int{{250, 216}, {1, 7}, {499, 400}} {
		area := raster.Area{V: pix[3*1:], Stride: cols, Rows: size[0], Columns: size[1]}
		var own []float32
		for r := range size[0] {
			own = append(own, area.Row(r)...)
		}
		want, geo := picture.Canonical(own, size[0], size[1])
		if got, g := picture.CanonicalOf(area); g != geo || !slices.Equal(got, want) {
			t.Errorf("%v: another picture", size)
		}
	}
}

// Labels, and rows processed again after their classes changed, have the most probable class of
// Row and its probability.
func TestLabelsAgreeWithRows(t *testing.T) {
	for _, size := range shapes {
		m := picture.Map{Geometry: picture.NewGeometry(size[0], size[1])}
		m.Top, m.Left = 0, 0
		for i := range picture.Classes * m.Height * m.Width {
			m.P = append(m.P, float32(0.5+0.5*math.Sin(float64(i*i%977))))
		}
		up, field := m.Upsampler(), make(picture.Mask, size[0]*size[1])
		for i := range field {
			field[i] = i%11 > 0
		}
		seen := make([]float32, len(field))
		keep := func(r int, _ []uint8, p []float32) { copy(seen[r*size[1]:], p) }
		label := up.Labels(field, keep)
		checkLabels(t, up, size, label, seen, func(i int, p [picture.Classes]float32) uint8 {
			switch {
			case !field[i]:
				return picture.Ignore
			case p[0] >= p[1] && p[0] >= p[2]:
				return 0
			case p[1] >= p[2]:
				return 1
			}
			return 2
		})
		var rows []int
		for r := 0; r < size[0]; r += 3 {
			rows = append(rows, r)
			for k := range size[1] {
				label[r*size[1]+k] = uint8((r + k) % picture.Classes)
			}
		}
		before := slices.Clone(label)
		up.Again(rows, label, keep)
		checkLabels(t, up, size, label, seen, func(i int, _ [picture.Classes]float32) uint8 { return before[i] })
	}
}

// checkLabels compares labels, and the probabilities passed to seen, with Row.
func checkLabels(t *testing.T, up *picture.Upsampler, size [2]int, label []uint8, seen []float32, class func(i int, p [picture.Classes]float32) uint8) {
	t.Helper()
	row := picture.NewRow(size[1])
	for r := range size[0] {
		up.Row(r, row)
		for k := range size[1] {
			i, p := r*size[1]+k, [picture.Classes]float32{row[0][k], row[1][k], row[2][k]}
			want, probability := class(i, p), float32(0)
			if want < picture.Classes {
				probability = p[want]
			}
			if label[i] != want || seen[i] != probability {
				t.Fatalf("%v pixel %d: class %d with %v, want %d with %v of %v", size, i, label[i], seen[i], want, probability, p)
			}
		}
	}
}
