package raster_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"dicomnode/internal/raster"
)

// bitOrder sorts as numbers, −0 before +0.
func bitOrder(a, b float32) int {
	if c := cmp.Compare(a, b); c != 0 {
		return c
	}
	return cmp.Compare(math.Float32bits(b)>>31, math.Float32bits(a)>>31)
}

// Quantiles near the ends are those of the sorted finite values to the bit, whatever most values
// are: equal, at an end, zeros of both signs, no numbers, or so rare that a sample misses them.
func TestQuantilesNearTheEnds(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const n = 70_001
	for name, value := range map[string]func(i int) float32{
		"noise":       func(int) float32 { return float32(random.NormFloat64()) },
		"whole":       func(int) float32 { return float32(random.IntN(1024)) },
		"constant":    func(int) float32 { return 5 },
		"two levels":  func(i int) float32 { return float32(i / (n / 2)) },
		"border":      func(i int) float32 { return max(0, float32(i-n/3)) },
		"rare":        func(i int) float32 { return float32(i % 1999 / 1998 * i) },
		"rising":      func(i int) float32 { return float32(i) },
		"in columns":  func(i int) float32 { return float32(i % 35) },
		"zeros":       func(i int) float32 { return float32(math.Copysign(0, float64(i%3-1))) },
		"no numbers":  func(i int) float32 { return [3]float32{float32(i), nan, float32(math.Inf(i%2*2 - 1))}[i%3] },
		"few numbers": func(i int) float32 { return [2]float32{nan, float32(i)}[min(1, i%997/996)] },
		"none":        func(int) float32 { return nan },
	} {
		v := make([]float32, n)
		for i := range v {
			v[i] = value(i)
		}
		sorted := slices.DeleteFunc(slices.Clone(v), func(f float32) bool { return f-f != 0 })
		slices.SortFunc(sorted, bitOrder)
		for _, qs := range [][]float64{{0.001, 0.999}, {0, 0.999}, {0.02, 0.98}, {0.999}, {0.001}, {0.05, 1}} {
			got := raster.Quantiles(v, qs...)
			for i, q := range qs {
				var want float32
				if len(sorted) > 0 {
					want = raster.Nearest(sorted, q)
				}
				if math.Float32bits(got[i]) != math.Float32bits(want) {
					t.Errorf("%s: quantile %v is %v, want %v", name, q, got[i], want)
				}
			}
		}
	}
}

var nan = float32(math.NaN())

// The quantiles of an area are those of its values alone.
func TestQuantilesOfAnArea(t *testing.T) {
	const rows, cols = 300, 400
	v := make([]float32, rows*cols)
	for i := range v {
		v[i] = float32(i * 7919 % 10007)
	}
	for _, size := range [][2]int{{150, 200}, {1, 1}, {7, 399}, {300, 400}, {299, 3}} {
		a := raster.Area{V: v[11:], Stride: cols, Rows: min(size[0], rows-1), Columns: size[1]}
		var own []float32
		for r := range a.Rows {
			own = append(own, v[11+r*cols:][:a.Columns]...)
		}
		for _, qs := range [][]float64{{0.001, 0.999}, {0.5, 0.999}} {
			if got, want := a.Quantiles(qs...), raster.Quantiles(own, qs...); !slices.Equal(got, want) {
				t.Errorf("%v %v: %v, want %v", size, qs, got, want)
			}
		}
	}
}

func BenchmarkQuantilesNearTheEnds(b *testing.B) {
	v := make([]float32, 2048*2048)
	for i := range v {
		v[i] = float32((i * 7919) % 4096)
	}
	for b.Loop() {
		raster.Quantiles(v, 0.001, 0.999)
	}
}
