package radiograph

import (
	"math"
	"testing"

	"dicomnode/internal/raster"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/space"
	"dicomnode/trainer/simulate/view"
)

func fromFront(n int, px, dist float64) space.Camera {
	return space.Camera{Right: space.Vec{1}, Up: space.Vec{0, 0, 1}, Dir: space.Vec{0, 1}, Distance: dist, Pixel: px, Side: n}
}

// A disc keeps its area in mm² under zoom, rotation, shear and mirroring; elastic deformation
// changes it by a few per cent, by nothing on average.
func TestSpacingKeepsAreas(t *testing.T) {
	const r, px = 40., .7 // map pixels, mm
	v := view.View{Camera: fromFront(view.MapSize, px, 1000), Pixel: px, Skin: raster.New(view.MapSize, view.MapSize), Bone: raster.New(view.MapSize, view.MapSize), Marrow: raster.New(view.MapSize, view.MapSize)}
	for i := range v.Skin.V {
		if math.Hypot(float64(i%view.MapSize)-view.MapSize/2, float64(i/view.MapSize)-view.MapSize/2) < r {
			v.Skin.V[i] = 10
		}
	}
	mean, n := 0., 0.
	for i := range 60 {
		s := newSheet(random.New(1, 8, i), 160)
		s.warp(v)
		touches := false
		for x := range s.w {
			touches = touches || s.skin.V[x] > 0 || s.skin.V[(s.h-1)*s.w+x] > 0
		}
		for y := range s.h {
			touches = touches || s.skin.V[y*s.w] > 0 || s.skin.V[y*s.w+s.w-1] > 0
		}
		if touches {
			continue
		}
		area := raster.Share(s.skin, 5) * float64(s.w*s.h) * s.Placed.Mm * s.Placed.Mm / (math.Pi * r * r * px * px)
		if area < .7 || area > 1.4 {
			t.Errorf("sample %d: area %.2f of the true one", i, area)
		}
		mean, n = mean+area, n+1
	}
	if mean /= n; n < 20 || math.Abs(mean-1) > .04 {
		t.Errorf("mean area of %.0f samples %.3f of the true one", n, mean)
	}
}

// The directions of rows and columns in the body are correct, also in a mirrored picture.
func TestPlacedDirections(t *testing.T) {
	v := view.View{Camera: fromFront(view.MapSize, 1, 1000), Pixel: 1} // from the front: the body's left is at the right
	s := &Sheet{w: view.MapSize, h: view.MapSize}
	for _, c := range []struct {
		th, flip    float64
		row, column string
	}{{0, 1, "L", "F"}, {0, -1, "L", "F"}, {math.Pi, 1, "R", "H"}, {math.Pi / 2, 1, "F", "R"}, {math.Pi / 2, -1, "H", "L"}} {
		p := s.locate(v, [2]float64{1, 1}, c.th, 0, c.flip)
		if r, k := space.Letter(p.Row), space.Letter(p.Column); r != c.row || k != c.column || math.Abs(p.Mm-1) > 1e-9 {
			t.Errorf("turned by %.0f°, flip %.0f: rows to %s, columns to %s, %.2f mm; want %s, %s, 1 mm", c.th*180/math.Pi, c.flip, r, k, p.Mm, c.row, c.column)
		}
	}
}
