package space

import (
	"math"
	"testing"
)

func frontal(n int, px, dist float64) Camera {
	return Camera{Right: Vec{1}, Up: Vec{0, 0, 1}, Dir: Vec{0, 1}, Distance: dist, Pixel: px, Side: n}
}

// chord returns the path of the pixel's ray through a sphere of radius r around the origin.
func chord(c Camera, i int, r float64) float64 {
	x := (float64(i%c.Side) - float64(c.Side)/2 - .123) * c.Pixel
	y := (float64(i/c.Side) - float64(c.Side)/2 - .077) * c.Pixel
	// The distance of the ray from the centre, for a source at −dist on the axis.
	h := c.Distance * math.Hypot(x, y) / math.Sqrt(x*x+y*y+c.Distance*c.Distance)
	return 2 * math.Sqrt(max(r*r-h*h, 0))
}

func TestThicknessOfSphere(t *testing.T) {
	m := globe(120, 240)
	for i := range m.Points {
		m.Points[i] = m.Points[i].Mul(40)
	}
	cam := frontal(100, 1, 900)
	got, worst := Paths(cam, m), 0.0
	for i := range got.V {
		want := chord(cam, i, 40)
		if want > 10 { // at the rim the facets of the polyhedron are edge-on
			worst = max(worst, math.Abs(float64(got.V[i])-want))
		}
	}
	if worst > .3 {
		t.Errorf("worst error %.3f mm of 80", worst)
	}
}

func TestThicknessOfTube(t *testing.T) {
	m := Tube(Vec{0, 0, -200}, Vec{0, 0, 200}, 40, 200, func(float64) float64 { return 25 })
	cam := frontal(64, 1, 1e7)
	got := Paths(cam, m)
	for x := range 64 {
		d := float64(x) - 32 - .123
		want := 2 * math.Sqrt(max(25*25-d*d, 0))
		if e := math.Abs(float64(got.V[30*64+x]) - want); want > 10 && e > .15 {
			t.Errorf("column %d: error %.3f mm", x, e)
		}
	}
}
