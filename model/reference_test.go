package model_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"dicomnode/model"
)

// array is a feature map in float64, channels × size × size.
type array struct {
	c, size int
	v       []float64
}

func newArray(c, size int) array { return array{c, size, make([]float64, c*size*size)} }

// at is zero outside the map: "same" padding.
//
//go:norace
func (a array) at(c, row, col int) float64 {
	if row < 0 || col < 0 || row >= a.size || col >= a.size {
		return 0
	}
	return a.v[(c*a.size+row)*a.size+col]
}

// each fills a new array by a function of its coordinates.
func each(c, size int, f func(c, row, col int) float64) array {
	out := newArray(c, size)
	for i := range out.v {
		out.v[i] = f(i/(size*size), i/size%size, i%size)
	}
	return out
}

// reference computes a network from its definition, in double precision.
type reference struct{ w model.Weights }

var _ model.Builder[array] = reference{}

// convolved is what the kernel of one output channel makes of x at a place. It is most of
// what this package's tests do, on one goroutine: the race detector need not look on.
//
//go:norace
func convolved(b model.Block, kernel []float32, x array, row, col int) (sum float64) {
	taps, before := b.Side*b.Side, (b.Side-1)/2
	for i := range b.In {
		for k := range taps {
			sum += float64(kernel[i*taps+k]) * x.at(i, row+k/b.Side-before, col+k%b.Side-before)
		}
	}
	return sum
}

func (r reference) Block(b model.Block, x array) array {
	kernel := r.w.Arrays[b.Kernel()]
	scale, shift := r.w.Arrays[b.Scale()], r.w.Arrays[b.Shift()]
	mean, variance := r.w.Arrays[b.Mean()], r.w.Arrays[b.Variance()]
	return each(b.Out, x.size, func(o, row, col int) float64 {
		sum := convolved(b, kernel[o*b.In*b.Side*b.Side:], x, row, col)
		inv := 1 / math.Sqrt(float64(variance[o])+model.Epsilon)
		y := (sum-float64(mean[o]))*inv*float64(scale[o]) + float64(shift[o])
		if b.Linear {
			return y
		}
		return max(0, y)
	})
}

// square lists the values at twice (row, col) and beside it, −∞ outside the map.
func (a array) square(c, row, col int) (v [4]float64) {
	for k := range v {
		v[k] = math.Inf(-1)
		if r, q := 2*row+k/2, 2*col+k%2; r < a.size && q < a.size {
			v[k] = a.at(c, r, q)
		}
	}
	return v
}

func (reference) Pool(x array) array {
	return each(x.c, (x.size+1)/2, func(c, row, col int) float64 {
		v := x.square(c, row, col)
		return slices.Max(v[:])
	})
}

func (reference) Up(x, like array) array {
	return each(x.c, like.size, func(c, row, col int) float64 { return x.at(c, row/2, col/2) })
}

func (reference) Unpool(x, full, _ array) array {
	return each(x.c, full.size, func(c, row, col int) float64 {
		v := full.square(c, row/2, col/2)
		largest := slices.Max(v[:])
		first := slices.IndexFunc(v[:], func(v float64) bool { return v >= largest-model.SameMaximum })
		if first != row%2*2+col%2 {
			return 0
		}
		return x.at(c, row/2, col/2)
	})
}

func (reference) Concat(a, b array) array {
	return array{a.c + b.c, a.size, append(append([]float64(nil), a.v...), b.v...)}
}

// probabilities is the whole network: features, output convolution, softmax.
func (r reference) probabilities(x []float32) []float64 {
	in := newArray(1, model.Size)
	for i, v := range x {
		in.v[i] = float64(v)
	}
	f := model.Build(r.w.Network, r, in)
	kernel, bias := r.w.Arrays[model.OutKernel], r.w.Arrays[model.OutBias]
	out := each(3, model.Size, func(class, row, col int) float64 {
		logit := float64(bias[class])
		for c := range f.c {
			logit += float64(kernel[class*f.c+c]) * f.at(c, row, col)
		}
		return math.Exp(logit)
	})
	const n = model.Size * model.Size
	for i := range n {
		sum := out.v[i] + out.v[n+i] + out.v[2*n+i]
		for class := range 3 {
			out.v[class*n+i] /= sum
		}
	}
	return out.v
}

// lively makes weights in which every array matters.
func lively(n model.Network) model.Weights {
	w := n.Init(7)
	random := rand.New(rand.NewPCG(7, 7))
	for _, b := range w.Network.Blocks() {
		for i := range b.Out {
			w.Arrays[b.Scale()][i] = 0.5 + random.Float32()
			w.Arrays[b.Shift()][i] = random.Float32() - 0.5
			w.Arrays[b.Mean()][i] = random.Float32() - 0.5
			w.Arrays[b.Variance()][i] = 0.5 + random.Float32()
		}
	}
	for i := range w.Arrays[model.OutBias] {
		w.Arrays[model.OutBias][i] = random.Float32() - 0.5
	}
	return w
}

// noise is an input with values over the whole of [−1, 1].
func noise(seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, 0))
	x := make([]float32, model.Size*model.Size)
	for i := range x {
		x[i] = 2*random.Float32() - 1
	}
	return x
}

// export makes a bundle of weights under a test's card.
func export(t testing.TB, w model.Weights) *model.Bundle {
	t.Helper()
	needLibrary(t)
	b, err := model.Export(w, model.Card{Name: "test", Version: "1", Licence: "CC0-1.0"}, "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPredictMatchesReference(t *testing.T) {
	for _, n := range []model.Network{model.XNet(4), model.Network{Architecture: "xnet-deep", Width: 3}, model.Network{Architecture: "segnet-basic", Width: 3}, model.Network{Architecture: "segnet-simple", Width: 2}, model.Network{Architecture: "u-net", Width: 2}} {
		t.Run(n.String(), func(t *testing.T) {
			w := lively(n)
			s := open(t, export(t, w), model.Options{})
			x := noise(3)
			got, err := s.Predict(t.Context(), x)
			if err != nil {
				t.Fatal(err)
			}
			comparePlanes(t, got, reference{w}.probabilities(x))
		})
	}
}

func comparePlanes(t *testing.T, got []float32, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d probabilities, want %d", len(got), len(want))
	}
	worst, low, high := 0.0, 1.0, 0.0
	for i, v := range want {
		worst = max(worst, math.Abs(v-float64(got[i])))
		low, high = min(low, v), max(high, v)
	}
	t.Logf("greatest difference %.2g; probabilities from %.3g to %.3g", worst, low, high)
	if worst > 5e-5 {
		t.Errorf("ONNX Runtime differs from the float64 reference by %g", worst)
	}
	if high-low < 0.5 {
		t.Errorf("probabilities from %g to %g say too little to compare", low, high)
	}
}
