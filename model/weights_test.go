package model_test

import (
	"math"
	"slices"
	"testing"

	"dicomnode/model"
)

// The counts follow from the design's equations: 9·in·out per kernel, two per
// normalised channel, and the output convolution. Biases before a batch
// normalisation, 58 per width, would be without effect and are not there.
func TestNumParameters(t *testing.T) {
	for width, want := range map[int]int{16: 734_771, 32: 2_934_883, 64: 11_731_139} {
		if got := model.XNet(width).NumParameters(); got != want {
			t.Errorf("width %d has %d parameters, want %d", width, got, want)
		}
	}
}

func TestParametersAreContiguous(t *testing.T) {
	n := model.XNet(3)
	offset := 0
	for _, p := range n.Parameters() {
		if p.Offset != offset {
			t.Errorf("%s begins at %d, want %d", p.Name, p.Offset, offset)
		}
		offset += p.Len
		kernel := len(p.Dims) == 4
		if kernel != (p.Offset < n.NumKernel()) {
			t.Errorf("%s is on the wrong side of the kernels' end", p.Name)
		}
	}
	if offset != n.NumParameters() {
		t.Errorf("%d parameters, want %d", n.NumParameters(), offset)
	}
}

// wiring records channels and resolution of what Build passes between layers.
type wiring struct{ t *testing.T }
type wire struct{ channels, divisor int }

func (b wiring) Block(l model.Block, x wire) wire {
	if x != (wire{l.In, l.Divisor}) {
		b.t.Errorf("%s is fed %+v, its table row says %+v", l.Name, x, l)
	}
	return wire{l.Out, l.Divisor}
}
func (wiring) Pool(x wire) wire { return wire{x.channels, 2 * x.divisor} }
func (wiring) Up(x wire) wire   { return wire{x.channels, x.divisor / 2} }
func (b wiring) Concat(x, y wire) wire {
	if x.divisor != y.divisor {
		b.t.Errorf("%+v and %+v are joined at different sizes", x, y)
	}
	return wire{x.channels + y.channels, x.divisor}
}

func TestBuildFollowsTable(t *testing.T) {
	for _, width := range []int{1, 16, 64} {
		got := model.Build(model.XNet(width), wiring{t}, wire{1, 1})
		if want := (wire{2 * width, 1}); got != want {
			t.Errorf("width %d: output convolution reads %+v, want %+v", width, got, want)
		}
	}
}

func TestFlatRoundTrip(t *testing.T) {
	w := lively(2)
	other := w.Network.Init(99)
	if err := other.SetFlat(w.Flat()); err != nil {
		t.Fatal(err)
	}
	if err := other.SetRunning(w.Running()); err != nil {
		t.Fatal(err)
	}
	sameArrays(t, other, w)
	if err := other.SetFlat(w.Flat()[1:]); err == nil {
		t.Error("a vector that is one value short was accepted")
	}
	again := w.Network.Init(99)
	if slices.Equal(again.Flat(), w.Flat()) || !slices.Equal(again.Flat(), w.Network.Init(99).Flat()) {
		t.Error("Init is not a function of its seed")
	}
}

func sameArrays(t *testing.T, got, want model.Weights) {
	t.Helper()
	if len(got.Arrays) != len(want.Arrays) {
		t.Errorf("%d arrays, want %d", len(got.Arrays), len(want.Arrays))
	}
	for name, values := range want.Arrays {
		if !slices.Equal(got.Arrays[name], values) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	for name, spoil := range map[string]func(w *model.Weights){
		"missing array":     func(w *model.Weights) { delete(w.Arrays, "a3.kernel") },
		"short array":       func(w *model.Weights) { w.Arrays["a3.shift"] = nil },
		"not a number":      func(w *model.Weights) { w.Arrays["a1.kernel"][0] = float32(math.NaN()) },
		"infinite":          func(w *model.Weights) { w.Arrays["out.bias"][2] = float32(math.Inf(-1)) },
		"negative variance": func(w *model.Weights) { w.Arrays["a14.variance"][0] = -1 },
		"width":             func(w *model.Weights) { w.Network.Width = 0 },
	} {
		w := model.XNet(1).Init(1)
		if err := w.Check(); err != nil {
			t.Fatal(err)
		}
		spoil(&w)
		if w.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
