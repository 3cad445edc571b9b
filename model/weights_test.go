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

// wiring follows channels, rows and columns of what Build passes between layers.
type wiring struct{ t *testing.T }
type wire struct{ channels, size int }

func (b wiring) Block(l model.Block, x wire) wire {
	if x.channels != l.In {
		b.t.Errorf("%s is fed %d channels, its kernel reads %d", l.Name, x.channels, l.In)
	}
	return wire{l.Out, x.size}
}
func (wiring) Pool(x wire) wire { return wire{x.channels, (x.size + 1) / 2} }
func (b wiring) Up(x wire, level int) wire {
	size := b.at(level)
	if size != 2*x.size && size != 2*x.size-1 {
		b.t.Errorf("%d rows are doubled to %d", x.size, size)
	}
	return wire{x.channels, size}
}
func (b wiring) Concat(x, y wire) wire {
	if x.size != y.size {
		b.t.Errorf("%+v and %+v are joined at different sizes", x, y)
	}
	return wire{x.channels + y.channels, x.size}
}

// at is the number of rows at a level.
func (wiring) at(level int) int {
	size := model.Size
	for range level {
		size = (size + 1) / 2
	}
	return size
}

func TestBuildFits(t *testing.T) {
	for _, name := range model.Architectures() {
		for _, width := range []int{1, 16, 64} {
			n := model.Network{Architecture: name, Width: width}
			got := model.Build(n, wiring{t}, wire{1, model.Size})
			if want := (wire{n.Features(), model.Size}); got != want {
				t.Errorf("%s: output convolution reads %+v, want %+v", n, got, want)
			}
		}
	}
	if got := model.XNet(16).Features(); got != 32 {
		t.Errorf("XNet's output convolution reads %d channels at width 16, want 32", got)
	}
}

func TestNetworkCheck(t *testing.T) {
	for n, good := range map[model.Network]bool{
		model.XNet(1): true, model.XNet(128): true, model.XNet(0): false, model.XNet(129): false,
		{Width: 16}: false, {Architecture: "xnet2", Width: 16}: false,
	} {
		if err := n.Check(); (err == nil) != good {
			t.Errorf("%+v: %v", n, err)
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
