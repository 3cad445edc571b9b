package raster_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"dicomnode/internal/raster"
)

func TestBiggest(t *testing.T) {
	m := []bool{true, false, true, false, false, true, true, false, true}
	got := raster.Biggest(m, 3, 3)
	for i, want := range []bool{false, false, true, false, false, true, false, false, true} {
		if got[i] != want {
			t.Errorf("pixel %d: %v", i, got[i])
		}
	}
	if raster.Biggest(make([]bool, 9), 3, 3) != nil {
		t.Error("found a part of nothing")
	}
}

// A blurred point keeps its sum and gets the variance asked for, by convolution and by running means.
func TestBlur(t *testing.T) {
	for _, s := range []float64{.7, 1.5, 2.5, 6} {
		p := raster.New(81, 81)
		p.V[40*81+40] = 1
		var sum, variance float64
		for i, x := range p.Blur(s).V {
			d := float64(i%81 - 40)
			sum, variance = sum+float64(x), variance+d*d*float64(x)
		}
		if math.Abs(sum-1) > 1e-3 || math.Abs(math.Sqrt(variance)-s) > .5 { // running means have whole widths
			t.Errorf("standard deviation %g: sum %.4f, standard deviation %.3f", s, sum, math.Sqrt(variance))
		}
	}
}

// Noise has about unit deviation and repeats for the same seed.
func TestNoise(t *testing.T) {
	p, again := raster.Noise(rand.New(rand.NewPCG(1, 2)), 120, 90, 3), raster.Noise(rand.New(rand.NewPCG(1, 2)), 120, 90, 3)
	var squares float64
	for i, x := range p.V {
		if x != again.V[i] {
			t.Fatalf("pixel %d: %v, then %v", i, x, again.V[i])
		}
		squares += float64(x * x)
	}
	if d := math.Sqrt(squares / float64(len(p.V))); d < .5 || d > 1.2 {
		t.Errorf("standard deviation %.2f", d)
	}
}

// Chamfer distances differ from Euclid's by a few per cent.
func TestDistance(t *testing.T) {
	m := make([]bool, 41*41)
	for i := range m {
		m[i] = i != 20*41+20
	}
	for i, d := range raster.Distance(m, 41, 41) {
		want := math.Hypot(float64(i%41-20), float64(i/41-20))
		if math.Abs(float64(d)-want) > .06*want {
			t.Errorf("pixel %d: %.2f, want %.2f", i, d, want)
		}
	}
}

func TestFlip(t *testing.T) {
	const rows, cols = 5, 9
	plane := make([]float32, rows*cols)
	for i := range plane {
		plane[i] = float32(i)
	}
	for mirror, want := range [][2]int{{3, 7}, {3, cols - 8}, {rows - 4, 7}, {rows - 4, cols - 8}} {
		p := slices.Clone(plane)
		raster.Flip(p, cols, mirror)
		if p[want[0]*cols+want[1]] != plane[3*cols+7] {
			t.Errorf("mirror %d: (3,7) is not at %v", mirror, want)
		}
		if raster.Flip(p, cols, mirror); !slices.Equal(p, plane) {
			t.Errorf("mirror %d twice changes the plane", mirror)
		}
	}
}

func TestThin(t *testing.T) {
	v := make([]float32, 1000)
	for i := range v {
		v[i] = float32(i)
	}
	if got := raster.Thin(v, 1000); len(got) != 1000 {
		t.Errorf("%d of few values", len(got))
	}
	if got := raster.Thin(v, 250); !slices.Equal(got[:3], []float32{0, 5, 10}) || len(got) != 200 {
		t.Errorf("%d values: %v", len(got), got[:3])
	}
}

func TestPackByte(t *testing.T) {
	if got := raster.PackByte(&[8]bool{true, false, true, true}); got != 0b1101 {
		t.Errorf("%08b", got)
	}
}
