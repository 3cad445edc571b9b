package space

import (
	"math"
	"testing"
)

// The hull of the corners of a cube contains them and is not much larger.
func TestHull(t *testing.T) {
	var q []Vec
	for k := range 8 {
		q = append(q, Vec{float64(k&1*2 - 1), float64(k&2 - 1), float64(k&4/2 - 1)})
	}
	if v := Hull(Vec{}, q, 40, 60).volume(); v < 7.9 || v > 9.5 {
		t.Errorf("hull of a cube of 8 mm³ has %.2f mm³", v)
	}
}

func TestTurn(t *testing.T) {
	got := Vec{2, 1, 0}.Turn(Vec{1, 1, 0}, Vec{0, 0, 1}, math.Pi/2)
	if d := got.Sub(Vec{1, 2, 0}).Norm(); d > 1e-12 {
		t.Errorf("turned to %v", got)
	}
}

func TestInverse(t *testing.T) {
	a := Affine{Axes: [3]Vec{{1, 2, 0}, {0, -3, 1}, {2, 0, 1}}, Origin: Vec{5, 6, 7}}
	p := Vec{1, -2, 3}
	if d := a.Inverse().At(a.At(p)).Sub(p).Norm(); d > 1e-12 {
		t.Errorf("there and back is %g mm away", d)
	}
}
