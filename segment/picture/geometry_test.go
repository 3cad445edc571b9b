package picture_test

import (
	"math"
	"testing"

	"dicomnode/segment/picture"
)

var sizes = [][2]int{{200, 200}, {2500, 2048}, {373, 454}, {1, 1}, {1, 5000}, {3000, 2}, {7, 13}, {1760, 1760}}

func TestGeometryPlaces(t *testing.T) {
	for _, c := range []struct {
		rows, cols int
		want       picture.Geometry
	}{
		{2500, 2048, picture.Geometry{Rows: 2500, Columns: 2048, Top: 0, Left: 18, Height: 200, Width: 164}},
		{373, 454, picture.Geometry{Rows: 373, Columns: 454, Top: 18, Left: 0, Height: 164, Width: 200}},
		{1, 5000, picture.Geometry{Rows: 1, Columns: 5000, Top: 99, Left: 0, Height: 1, Width: 200}},
	} {
		if got := picture.NewGeometry(c.rows, c.cols); got != c.want {
			t.Errorf("%d×%d: got %+v, want %+v", c.rows, c.cols, got, c.want)
		}
	}
}

// A linear ramp stays linear and is not shifted: each pixel has the value at its centre.
func TestGeometryRoundTrip(t *testing.T) {
	for _, s := range sizes {
		rows, cols := s[0], s[1]
		g := picture.NewGeometry(rows, cols)
		p := make([]float32, picture.Classes*picture.Side*picture.Side)
		for i := range p {
			p[i] = -1000 // padding must have no effect
		}
		for y := range g.Height {
			for x := range g.Width {
				i := (g.Top+y)*picture.Side + g.Left + x
				p[i] = float32((float64(y) + 0.5) / float64(g.Height))
				p[i+picture.Side*picture.Side] = float32((float64(x) + 0.5) / float64(g.Width))
			}
		}
		up := upsampled(g, p)
		edgeY, edgeX := 0.5/float64(g.Height), 0.5/float64(g.Width)
		for r := 0; r < rows; r += max(1, rows/17) {
			for c := 0; c < cols; c += max(1, cols/17) {
				wantY := min(max((float64(r)+0.5)/float64(rows), edgeY), 1-edgeY)
				wantX := min(max((float64(c)+0.5)/float64(cols), edgeX), 1-edgeX)
				gotY, gotX := float64(up[r*cols+c]), float64(up[(rows+r)*cols+c])
				if math.Abs(gotY-wantY) > 1e-5 || math.Abs(gotX-wantX) > 1e-5 {
					t.Fatalf("%v at (%d,%d): got (%v,%v), want (%v,%v)", s, r, c, gotY, gotX, wantY, wantX)
				}
			}
		}
	}
}

// upsampled is p at native resolution, Classes×Rows×Columns.
func upsampled(g picture.Geometry, p []float32) []float32 {
	out := make([]float32, picture.Classes*g.Rows*g.Columns)
	u := g.Map(p).Upsampler()
	for r := range g.Rows {
		var row [picture.Classes][]float32
		for c := range row {
			row[c] = out[(c*g.Rows+r)*g.Columns:][:g.Columns]
		}
		u.Row(r, row)
	}
	return out
}

func TestCanonicalPicture(t *testing.T) {
	for _, s := range sizes {
		rows, cols := s[0], s[1]
		pix := make([]float32, rows*cols)
		for i := range pix {
			pix[i] = float32(i % cols)
		}
		x, g := picture.Canonical(pix, rows, cols)
		var sum, peak, low float64
		for y := range picture.Side {
			for k := range picture.Side {
				v := float64(x[y*picture.Side+k])
				low = min(low, v)
				if shows(g, y, k) {
					sum += v
					peak = max(peak, math.Abs(v))
				}
			}
		}
		if mean := sum / float64(g.Height*g.Width); math.Abs(mean) > 1e-4 {
			t.Errorf("%v: mean %v", s, mean)
		}
		if cols > 1 && g.Width > 1 && math.Abs(peak-1) > 1e-6 {
			t.Errorf("%v: largest value %v, want 1", s, peak)
		}
		if !shows(g, 0, 0) && float64(x[0]) != low {
			t.Errorf("%v: padding %v, want the minimum %v", s, x[0], low)
		}
	}
	flat, _ := picture.Canonical([]float32{3, 3, 3, 3}, 2, 2)
	nan, _ := picture.Canonical([]float32{1, float32(math.NaN()), float32(math.Inf(1)), 5}, 2, 2)
	for i := range flat {
		if flat[i] != 0 || !(nan[i] >= -1 && nan[i] <= 1) {
			t.Fatalf("pixel %d: constant picture %v, picture with NaN %v", i, flat[i], nan[i])
		}
	}
}

func TestLabelDown(t *testing.T) {
	g := picture.NewGeometry(400, 200)
	label := make([]uint8, 400*200)
	for i := range label { // in each 2×2 block: three of class 2, one of class 1; then ignore
		label[i] = 2
		if i%2 == 0 && i/200%2 == 0 {
			label[i] = 1
		}
		if i/200 >= 300 {
			label[i] = 255
		}
	}
	for i, l := range g.LabelDown(label) {
		y, x := i/picture.Side, i%picture.Side
		want := uint8(2)
		if !shows(g, y, x) || y >= 150 {
			want = 255
		}
		if l != want {
			t.Fatalf("(%d,%d): got %d, want %d", y, x, l, want)
		}
	}
}

// shows reports whether input pixel (row, col) shows the picture, not padding.
func shows(g picture.Geometry, row, col int) bool {
	return row >= g.Top && row < g.Top+g.Height && col >= g.Left && col < g.Left+g.Width
}
