package compare_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"dicomnode/trainer/compare"
	"dicomnode/trainer/dataset"
)

// differ compares two entries that are wrong on so many pixels per image of 36,000.
func differ(t *testing.T, seed uint64, resamples int, first, second []int) *compare.Difference {
	t.Helper()
	a, b := script{wrong: map[string]int{}, class: 2}, script{wrong: map[string]int{}, class: 2}
	var samples []*dataset.Sample
	for i := range first {
		id := fmt.Sprint(i)
		a.wrong[id], b.wrong[id] = first[i], second[i]
		samples = append(samples, sample(id, 100, 50, 30))
	}
	r, err := compare.Run(t.Context(), samples, []compare.Entry{entry("a", a), entry("b", b)}, compare.Options{Seed: seed, Resamples: resamples})
	if err != nil {
		t.Fatal(err)
	}
	return r.Rows[1].Difference
}

// TestBootstrapIsPaired: where both entries have the same trouble with each image,
// their difference is certain however much the images differ.
func TestBootstrapIsPaired(t *testing.T) {
	d := differ(t, 1, 500, []int{0, 5000, 10000, 15000}, []int{360, 5360, 10360, 15360})
	for _, v := range []float64{d.Accuracy.Value, d.Accuracy.Low, d.Accuracy.High} {
		near(t, "difference", v, -0.01)
	}
	if d.Images.Worse != 4 || d.Images.P != 0.125 {
		t.Errorf("%+v", d.Images)
	}
}

// TestBootstrapOfTwoImages: resamples of two images are both, or twice either; so
// the ends of the interval are the two images' own differences.
func TestBootstrapOfTwoImages(t *testing.T) {
	d := differ(t, 1, 500, []int{0, 0}, []int{360, 1080})
	near(t, "value", d.Accuracy.Value, -0.02)
	near(t, "low", d.Accuracy.Low, -0.03)
	near(t, "high", d.Accuracy.High, -0.01)
}

// TestBootstrapWidth holds the interval against the normal approximation for the
// mean of many images.
func TestBootstrapWidth(t *testing.T) {
	const n = 40
	first, second := make([]int, n), make([]int, n)
	var sum, squares float64
	for i := range second {
		second[i] = 36 * (i * 37 % 61)
		v := float64(second[i]) / 36000
		sum, squares = sum+v, squares+v*v
	}
	d := differ(t, 9, 2000, first, second)
	want := 2 * 1.96 * math.Sqrt((squares/n-sum*sum/n/n)/n)
	if got := d.Accuracy.High - d.Accuracy.Low; math.Abs(got-want) > 0.06*want {
		t.Errorf("width %v, want about %v", got, want)
	}
	if d.Accuracy.Low > d.Accuracy.Value || d.Accuracy.High < d.Accuracy.Value {
		t.Errorf("%+v", d.Accuracy)
	}
}

func TestBootstrapIsSeeded(t *testing.T) {
	first, second := []int{5, 90, 700, 33, 4000}, []int{900, 5, 1700, 330, 300}
	a, b, c := differ(t, 1, 300, first, second), differ(t, 1, 300, first, second), differ(t, 2, 300, first, second)
	if *a.Accuracy != *b.Accuracy || *a.WeightedF1 != *b.WeightedF1 {
		t.Error("one seed, two intervals")
	}
	if *a.Accuracy == *c.Accuracy {
		t.Error("two seeds, one interval")
	}
}

// span is wrong on the labelled pixels from up to to.
type span struct{ from, to int }

func (s span) Segment(_ context.Context, smp *dataset.Sample) ([]uint8, error) {
	out, n := make([]uint8, len(smp.Label)), 0
	for i, v := range smp.Label {
		if v == dataset.Ignore {
			continue
		}
		out[i] = v
		if n >= s.from && n < s.to {
			out[i] = (v + 1) % dataset.Classes
		}
		n++
	}
	return out, nil
}

// TestAgainstStatsmodels holds both tests against testdata/significance.json, what
// statsmodels and SciPy say (testdata/significance.py).
func TestAgainstStatsmodels(t *testing.T) {
	b, err := os.ReadFile("testdata/significance.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		McNemar []compare.McNemar
		Sign    []compare.SignTest
	}
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.McNemar) < 5 || len(f.Sign) < 5 {
		t.Fatalf("%d and %d cases in the fixture, want more", len(f.McNemar), len(f.Sign))
	}
	for _, want := range f.McNemar {
		first, second := int(want.OnlyThis), int(want.OnlyFirst) // wrong pixels, apart from each other
		r, err := compare.Run(t.Context(), []*dataset.Sample{sample("a", 100, 50, 30)}, []compare.Entry{entry("a", span{0, first}), entry("b", span{first, first + second})}, compare.Options{Resamples: 1})
		if err != nil {
			t.Fatal(err)
		}
		got := r.Rows[1].Difference.McNemar
		if got.OnlyFirst != want.OnlyFirst || got.OnlyThis != want.OnlyThis || math.Abs(got.ChiSquare-want.ChiSquare) > 1e-9*want.ChiSquare || math.Abs(got.P-want.P) > 1e-9*want.P {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	for _, want := range f.Sign {
		first, second := make([]int, want.Better+want.Worse), make([]int, want.Better+want.Worse)
		for i := range first {
			if i < want.Better {
				first[i] = 10
			} else {
				second[i] = 10
			}
		}
		if got := differ(t, 1, 1, first, second).Images; got.Better != want.Better || got.Worse != want.Worse || math.Abs(got.P-want.P) > 1e-9 {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// TestMcNemar holds χ² against (|b−c|−1)²/(b+c), and p against a table of the
// distribution with one degree of freedom.
func TestMcNemar(t *testing.T) {
	for _, c := range []struct {
		first, second int
		chi, p        float64
	}{
		{0, 0, 0, 1},
		{0, 1, 0, 1},
		{0, 16, 14.0625, 1.77e-4},
	} {
		m := differ(t, 1, 10, []int{c.first}, []int{c.second}).McNemar
		if math.Abs(m.ChiSquare-c.chi) > 1e-12 || math.Abs(m.P-c.p) > 0.005*c.p {
			t.Errorf("%d against %d wrong: %+v", c.first, c.second, m)
		}
	}
}

func TestSignTestIsExact(t *testing.T) {
	// Two-sided p of 1 in 14: 2·(1+14)/2¹⁴.
	first, second := make([]int, 15), make([]int, 15)
	for i := range 13 {
		second[i] = 100
	}
	first[13] = 100 // and the last image ties
	s := differ(t, 1, 10, first, second).Images
	if s.Better != 1 || s.Worse != 13 {
		t.Errorf("%+v", s)
	}
	near(t, "p", s.P, 2*15.0/16384)
}

func TestOneImageHasNoInterval(t *testing.T) {
	if d := differ(t, 1, 10, []int{0}, []int{10}); d.Accuracy != nil || d.WeightedF1 != nil {
		t.Errorf("%+v", d)
	}
}
