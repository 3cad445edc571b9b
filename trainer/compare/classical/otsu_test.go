package classical_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"dicomnode/trainer/compare/classical"
)

// between is the variance between classes times the pixels: the definition, one
// class after the other.
func between(h []float64, cuts []int) float64 {
	var all, sum float64
	for i, n := range h {
		all, sum = all+n, sum+n*float64(i)
	}
	total, from := 0.0, 0
	for _, to := range append(slices.Clone(cuts), len(h)-1) {
		var w, m float64
		for i := from; i <= to; i++ {
			w, m = w+h[i], m+h[i]*float64(i)
		}
		if w > 0 {
			total += w * (m/w - sum/all) * (m/w - sum/all)
		}
		from = to + 1
	}
	return total
}

// everyCut calls f with every way to cut n bins into classes.
func everyCut(n, classes, from int, cuts []int, f func([]int)) {
	if classes == 1 {
		f(cuts)
		return
	}
	for t := from; t < n-classes+1; t++ {
		everyCut(n, classes-1, t+1, append(cuts, t), f)
	}
}

func TestOtsuThresholdsAreTheBestOfAll(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 0))
	for range 60 {
		h := make([]float64, 6+r.IntN(14))
		for i := range h {
			h[i] = float64(r.IntN(40) * r.IntN(2)) // half the bins empty
		}
		h[0]++
		for classes := 2; classes <= 4; classes++ {
			got := classical.OtsuThresholds(h, classes)
			if len(got) != classes-1 || !slices.IsSorted(got) || got[0] < 0 || got[len(got)-1] >= len(h)-1 {
				t.Fatalf("%v in %d classes: cuts %v", h, classes, got)
			}
			tried, value := 0, between(h, got)
			everyCut(len(h), classes, 0, nil, func(cuts []int) {
				tried++
				if v := between(h, cuts); v > value*(1+1e-12)+1e-9 {
					t.Errorf("%v in %d classes: cuts %v give %v, %v give %v", h, classes, got, value, cuts, v)
				}
			})
			if tried == 0 {
				t.Fatal("nothing tried")
			}
		}
	}
}

// TestOtsuThresholdsOfScikitImage holds against scikit-image 0.26.0: threshold_otsu
// for two classes, threshold_multiotsu for three and four, with hist=(h, 0…n−1).
// The latter misses the optimum in two cases, where ours must be better.
func TestOtsuThresholdsOfScikitImage(t *testing.T) {
	for _, c := range []struct {
		h    []float64
		cuts [][]int // in 2, 3 and 4 classes
		miss bool    // the last is not the optimum
	}{
		{[]float64{3, 0, 1, 7, 9, 4, 0, 0, 2, 8, 11, 5, 1, 0, 6, 13, 10, 2, 1, 1}, [][]int{{8}, {5, 12}, {5, 12, 15}}, true},
		{[]float64{40, 12, 3, 1, 0, 5, 22, 31, 9, 2, 1, 4, 18, 26, 7, 3}, [][]int{{5}, {3, 9}, {3, 6, 10}}, false},
		{[]float64{1, 2, 4, 8, 16, 8, 4, 2, 1, 3, 9, 27, 9, 3, 1, 5, 25, 5, 1, 0, 2, 2, 6, 14, 6, 2}, [][]int{{13}, {8, 17}, {7, 13, 18}}, false},
		{[]float64{100, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, [][]int{{5}, {3, 9}, {3, 7, 11}}, true},
	} {
		for i, cuts := range c.cuts {
			got := classical.OtsuThresholds(c.h, len(cuts)+1)
			better := between(c.h, got) > between(c.h, cuts)*(1+1e-12)
			if miss := c.miss && i == 2; better != miss || !miss && !slices.Equal(got, cuts) {
				t.Errorf("%v: cuts %v, scikit-image has %v; better: %v", c.h, got, cuts, better)
			}
		}
	}
}

func TestMultiOtsuTellsThreeLevelsApart(t *testing.T) {
	p := classical.Picture{Height: 3, Width: 4, V: []float64{1, 1, .95, .9, .5, .52, .48, .5, 0, .02, .04, 0}}
	want := []uint8{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2}
	if got := classical.DefaultMultiOtsu().Segment(p); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
