package model

import (
	"errors"
	"math"
	"testing"
)

// TestAverageMirrors: a predictor whose answer depends on the place alone gives
// the geometric mean over the four mirrored places; one that depends on the pixel
// alone, itself.
func TestAverageMirrors(t *testing.T) {
	x := make([]float32, Size*Size)
	x[3*Size+7] = 1
	const n = Size * Size
	got, err := averageMirrors(x, each(func(x []float32) ([]float32, error) {
		p := make([]float32, numClasses*n)
		for i, v := range x {
			p[i], p[n+i], p[2*n+i] = 0.5, 0.25, 0.25
			if v == 1 {
				p[i], p[n+i], p[2*n+i] = 0.1, 0.2, 0.7
			}
		}
		p[0], p[n], p[2*n] = 0.02, 0.08, 0.9
		return p, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	near := func(i int, want [numClasses]float64) {
		t.Helper()
		for k, w := range want {
			if math.Abs(float64(got[k*n+i])-w) > 1e-6 {
				t.Errorf("pixel %d class %d: got %v, want %v", i, k, got[k*n+i], w)
			}
		}
	}
	near(3*Size+7, [numClasses]float64{0.1, 0.2, 0.7})
	near(5*Size+5, [numClasses]float64{0.5, 0.25, 0.25})
	mean := func(corner, other float64) float64 { return math.Pow(corner, 0.25) * math.Pow(other, 0.75) }
	q := [numClasses]float64{mean(0.02, 0.5), mean(0.08, 0.25), mean(0.9, 0.25)}
	sum := q[0] + q[1] + q[2]
	for _, i := range []int{0, Size - 1, n - Size, n - 1} {
		near(i, [numClasses]float64{q[0] / sum, q[1] / sum, q[2] / sum})
	}
	want := errors.New("no")
	if _, err := averageMirrors(x, each(func([]float32) ([]float32, error) { return nil, want })); !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
}
