package simulate

import (
	"image"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// A disc keeps its area in mm² however it is zoomed, turned, sheared and mirrored; elastic deformation changes it by
// some per cent, by nothing on average.
func TestSpacingKeepsAreas(t *testing.T) {
	const r, px = 40., .7 // map pixels, mm
	v := view{cam: frontal(mapSize, px, 1000), px: px, skin: newPlane(mapSize, mapSize), bone: newPlane(mapSize, mapSize), marrow: newPlane(mapSize, mapSize)}
	for i := range v.skin.v {
		if math.Hypot(float64(i%mapSize)-mapSize/2, float64(i/mapSize)-mapSize/2) < r {
			v.skin.v[i] = 10
		}
	}
	mean, n := 0., 0.
	for i := range 60 {
		s := newSheet(newDice(1, 8, i), 160)
		s.warp(v)
		touches := false
		for x := range s.w {
			touches = touches || s.skin.v[x] > 0 || s.skin.v[(s.h-1)*s.w+x] > 0
		}
		for y := range s.h {
			touches = touches || s.skin.v[y*s.w] > 0 || s.skin.v[y*s.w+s.w-1] > 0
		}
		if touches {
			continue
		}
		area := share(s.skin, 5) * float64(s.w*s.h) * s.placed.mm * s.placed.mm / (math.Pi * r * r * px * px)
		if area < .7 || area > 1.4 {
			t.Errorf("sample %d: area %.2f of the true one", i, area)
		}
		mean, n = mean+area, n+1
	}
	if mean /= n; n < 20 || math.Abs(mean-1) > .04 {
		t.Errorf("mean area of %.0f samples %.3f of the true one", n, mean)
	}
}

// Rows and columns tell where they go in the body, also when the picture is mirrored.
func TestPlacedDirections(t *testing.T) {
	v := view{cam: frontal(mapSize, 1, 1000), px: 1} // from the front: the body's left is at the right
	s := &sheet{w: mapSize, h: mapSize}
	for _, c := range []struct {
		th, flip    float64
		row, column string
	}{{0, 1, "L", "F"}, {0, -1, "L", "F"}, {math.Pi, 1, "R", "H"}, {math.Pi / 2, 1, "F", "R"}, {math.Pi / 2, -1, "H", "L"}} {
		p := v.placed(s, [2]float64{1, 1}, c.th, 0, c.flip)
		if r, k := towards(p.row), towards(p.column); r != c.row || k != c.column || math.Abs(p.mm-1) > 1e-9 {
			t.Errorf("turned by %.0f°, flip %.0f: rows to %s, columns to %s, %.2f mm; want %s, %s, 1 mm", c.th*180/math.Pi, c.flip, r, k, p.mm, c.row, c.column)
		}
	}
}

func TestPNGTellsSizeOfPixels(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.png")
	for _, mm := range []float64{.1, 1.2345, 0} {
		if err := writePNG(path, image.NewGray(image.Rect(0, 0, 3, 2)), mm); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		m, _, err := image.Decode(f)
		f.Close()
		if err != nil || m.Bounds().Dx() != 3 {
			t.Errorf("%v mm: decoded %v, %v", mm, m, err)
		}
		text, err := spacingOf(path)
		got, _ := strconv.ParseFloat(text, 64)
		if err != nil || math.Abs(got-mm) > .001*mm || (text == "") != (mm == 0) {
			t.Errorf("%v mm: read back as %q, %v", mm, text, err)
		}
	}
}
