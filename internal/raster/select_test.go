package raster_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"dicomnode/internal/raster"
)

// A quantile found by selection is the one found by sorting: of few and many values,
// repeated ones, ordered ones and ones made to lead the selection astray.
func TestSelect(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	fill := map[string]func(i, n int) float32{
		"random":   func(int, int) float32 { return random.Float32() - 0.5 },
		"repeated": func(int, int) float32 { return float32(random.IntN(3)) },
		"equal":    func(int, int) float32 { return 7 },
		"rising":   func(i, _ int) float32 { return float32(i) },
		"falling":  func(i, _ int) float32 { return float32(-i) },
		"peak":     func(i, n int) float32 { return float32(min(i, n-i)) },
		"teeth":    func(i, n int) float32 { return float32(i % 2 * i) },
	}
	for name, value := range fill {
		for n := 1; n < 400; n += 1 + n/8 {
			for _, q := range []float64{0, 0.1, 0.33, 0.5, 0.9, 1} {
				v := make([]float32, n)
				for i := range v {
					v[i] = value(i, n)
				}
				sorted := slices.Sorted(slices.Values(v))
				if got, want := raster.Select(v, q), raster.Nearest(sorted, q); got != want {
					t.Fatalf("%s: quantile %v of %d values is %v, want %v", name, q, n, got, want)
				}
				if slices.Sort(v); !slices.Equal(v, sorted) {
					t.Fatalf("%s: %d values are others", name, n)
				}
			}
		}
	}
	astray := make([]float32, 2000) // each round but takes the ends off
	for i := range astray {
		astray[i] = float32(min(i, len(astray)-1-i))
	}
	sorted := slices.Sorted(slices.Values(astray))
	if got, want := raster.Select(astray, 0.75), raster.Nearest(sorted, 0.75); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}
