package picture

import (
	"math"
	"testing"
)

// Both functions agree with package math over the whole range, and are exact at 1 and 0.
func TestTables(t *testing.T) {
	if naturalLogarithm(1) != 0 || exponential(0) != 1 {
		t.Errorf("logarithm of 1 is %v, exponential of 0 %v", naturalLogarithm(1), exponential(0))
	}
	rounded := 0
	for bits := math.Float32bits(leastProbability); bits < math.Float32bits(1.01); bits += 997 {
		p := math.Float32frombits(bits)
		want := math.Log(float64(p))
		if got := naturalLogarithm(p); math.Abs(got-want) > 1e-13*math.Abs(want)+1e-15 {
			t.Fatalf("logarithm of %v: %v, want %v", p, got, want)
		}
		if Logarithm(p) != float32(want) {
			rounded++
		}
	}
	if rounded > 10 {
		t.Errorf("%d logarithms are rounded otherwise", rounded)
	}
	for x := float32(0); x > -104; x -= 0.0137 {
		if got, want := exponential(x), math.Exp(float64(x)); math.Abs(got-want) > 1e-13*want {
			t.Fatalf("exponential of %v: %v, want %v", x, got, want)
		}
	}
	if got := exponential(float32(math.Inf(-1))); got != 0 {
		t.Errorf("exponential of -∞ is %v", got)
	}
}

func BenchmarkSoftmaxOfLogarithms(b *testing.B) {
	p := make([]float32, 3*40000)
	for i := range p {
		p[i] = float32(i%999+1) / 1000
	}
	b.SetBytes(int64(4 * len(p)))
	for b.Loop() {
		Logarithms(p)
		for i := range 40000 {
			p[i], p[40000+i], p[80000+i] = Softmax(p[i], p[40000+i], p[80000+i])
		}
	}
}
