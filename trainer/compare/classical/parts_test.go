package classical_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"dicomnode/trainer/compare/classical"
)

func TestCannyThinsAStepToOneColumn(t *testing.T) {
	const h, w = 9, 12
	v := make([]float64, h*w)
	for i := range v {
		v[i] = 1 / (1 + math.Exp(-(float64(i%w) - 5.2))) // steepest at column 5
	}
	gx, gy := classical.Sobel(v, h, w)
	edges := classical.Canny(gx, gy, h, w, 0.3, 0.4)
	for i, e := range edges {
		if e != (i%w == 5) {
			t.Fatalf("row %d column %d: %v", i/w, i%w, e)
		}
	}
}

// TestCannyFollowsAWeakeningEdge: what is below the upper threshold stays when it
// continues an edge, and goes when it stands alone.
func TestCannyFollowsAWeakeningEdge(t *testing.T) {
	const h, w = 40, 41
	v := make([]float64, h*w)
	for i := range v {
		y, x := i/w, i%w
		if x >= 10 {
			v[i] = 1 - 0.012*float64(y) // the step weakens downwards
		}
		if x >= 30 {
			v[i] += 0.45 // a step below the upper threshold, far from all others
		}
	}
	gx, gy := classical.Sobel(v, h, w)
	edges := classical.Canny(gx, gy, h, w, 0.03, 0.4)
	var long, alone int
	for i, e := range edges {
		if e && math.Abs(float64(i%w-10)) <= 1 {
			long++
		}
		if e && i%w >= 28 {
			alone++
		}
	}
	if long < h-2 || alone > 0 {
		t.Errorf("%d of %d pixels of the edge, %d of what stands alone", long, h, alone)
	}
}

func TestLocalEntropy(t *testing.T) {
	p := classical.Picture{Height: 9, Width: 9, V: make([]float64, 81)}
	for i := range p.V {
		if i%9 >= 4 {
			p.V[i] = 1
		}
	}
	e := classical.LocalEntropy(p, 3, 16)
	third := -(math.Log2(1.0/3)/3 + 2*math.Log2(2.0/3)/3) // one column of three differs
	for i, v := range e {
		want := 0.0
		if x := i % 9; x == 3 || x == 4 {
			want = third
		}
		if math.Abs(v-want) > 1e-12 {
			t.Fatalf("row %d column %d: %v, want %v", i/9, i%9, v, want)
		}
	}
}

func TestNoiseIsMeasuredOnASlope(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 0))
	const side, sigma = 150, 0.02
	v := make([]float64, side*side)
	for i := range v {
		v[i] = float64(i%side)/side + sigma*r.NormFloat64()
	}
	if got := classical.Noise(v, side, side); math.Abs(got-sigma) > 0.05*sigma {
		t.Errorf("%v, want %v", got, sigma)
	}
}

func TestTwoMeansIsTheBestCut(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 0))
	within := func(v, w []float64) float64 {
		var n, sum, squares float64
		for i := range v {
			n, sum, squares = n+w[i], sum+w[i]*v[i], squares+w[i]*v[i]*v[i]
		}
		return squares - sum*sum/n
	}
	for range 50 {
		n := 2 + r.IntN(9)
		v, w := make([]float64, n), make([]float64, n)
		for i := range v {
			v[i], w[i] = r.Float64(), 1+float64(r.IntN(20))
		}
		slices.Sort(v)
		got := classical.TwoMeans(v, w)
		value := within(v[:got], w[:got]) + within(v[got:], w[got:])
		for k := 1; k < n; k++ {
			if other := within(v[:k], w[:k]) + within(v[k:], w[k:]); other < value-1e-9 {
				t.Errorf("%v, %v: cut %d leaves %v, %d leaves %v", v, w, got, value, k, other)
			}
		}
	}
}

func TestSurfaceFitsASecondOrderPicture(t *testing.T) {
	p := classical.Picture{Height: 30, Width: 40, V: make([]float64, 1200)}
	for i := range p.V {
		y, x := float64(i/40), float64(i%40)
		p.V[i] = 0.3 + 0.01*x - 0.004*y + 2e-4*x*x - 1e-4*x*y + 3e-4*y*y
	}
	fitted, ok := classical.FitPlane(p)
	if !ok {
		t.Fatal("not determined")
	}
	for i, v := range fitted {
		if math.Abs(v-p.V[i]) > 1e-9 {
			t.Fatalf("pixel %d: %v, want %v", i, v, p.V[i])
		}
	}
	if _, ok := classical.FitPlane(classical.Picture{Height: 1, Width: 5, V: make([]float64, 5)}); ok {
		t.Error("five pixels of a line determine a surface")
	}
}

// TestRegionsStopAtAStep: two flat halves are two regions, and specks smaller than
// MinRegion belong to what is around them.
func TestRegionsStopAtAStep(t *testing.T) {
	const side = 40
	p := classical.Picture{Height: side, Width: side, V: make([]float64, side*side)}
	air := make([]bool, side*side)
	for i := range p.V {
		p.V[i] = 0.3
		if i%side >= 20 {
			p.V[i] = 0.6
		}
		air[i] = i/side < 5
	}
	p.V[20*side+10], p.V[30*side+30] = 1, 0
	of := classical.DefaultClustering().Grow(p, air)
	for i, r := range of {
		if air[i] != (r < 0) {
			t.Fatalf("pixel %d: region %d, open beam %v", i, r, air[i])
		}
		if r >= 0 && (r == of[10*side]) != (i%side < 20) {
			t.Errorf("row %d column %d is in the wrong region", i/side, i%side)
		}
	}
}

func TestIslandsTakeTheClassAround(t *testing.T) {
	classes := []uint8{
		1, 1, 1, 1, 0,
		1, 2, 1, 1, 0,
		1, 1, 1, 0, 0,
		2, 2, 2, 2, 2,
	}
	classical.Islands(classes, 4, 5, 3)
	want := []uint8{
		1, 1, 1, 1, 0,
		1, 1, 1, 1, 0,
		1, 1, 1, 0, 0,
		2, 2, 2, 2, 2,
	}
	if !slices.Equal(classes, want) {
		t.Errorf("got %v", classes)
	}
}
