package raster_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"dicomnode/internal/raster"
)

// Quantiles are those of the sorted finite values, whatever the fractions share.
func TestQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	v := make([]float32, 600_000) // of several workers
	for i := range v {
		v[i] = float32(random.NormFloat64() * 1000)
	}
	v[7], v[8], v[9] = float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))
	v[10], v[11] = 0, float32(math.Copysign(0, -1))
	sorted := slices.DeleteFunc(slices.Clone(v), func(f float32) bool { return f-f != 0 })
	slices.Sort(sorted)
	qs := []float64{0.5, 0, 1, 0.01, 0.99, 0.5, 0.500001}
	for i, got := range raster.Quantiles(v, qs...) {
		if want := raster.Nearest(sorted, qs[i]); got != want {
			t.Errorf("quantile %v is %v, want %v", qs[i], got, want)
		}
	}
	for _, none := range [][]float32{nil, {float32(math.NaN())}} {
		if got := raster.Quantiles(none, 0.1, 0.9); !slices.Equal(got, []float32{0, 0}) {
			t.Errorf("of nothing: %v", got)
		}
	}
	if got := raster.Quantiles([]float32{3}, 0, 1); !slices.Equal(got, []float32{3, 3}) {
		t.Errorf("of one value: %v", got)
	}
}

func BenchmarkQuantiles(b *testing.B) {
	v := make([]float32, 2500*2048)
	for i := range v {
		v[i] = float32((i * 7919) % 4096)
	}
	for b.Loop() {
		raster.Quantiles(v, 0.01, 0.99)
	}
}
