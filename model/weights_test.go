package model_test

import (
	"math"
	"slices"
	"testing"

	"dicomnode/model"
)

// The counts follow from the papers: side²·in·out per kernel, two per normalised
// channel, and the output convolution. Biases before a batch normalisation would
// be without effect and are not there.
func TestNumParameters(t *testing.T) {
	for n, want := range map[model.Network]int{
		model.XNet(16): 734_771, model.XNet(32): 2_934_883, model.XNet(64): 11_731_139,
		model.Network{Architecture: "xnet-deep", Width: 16}:    734_771 + 9*(4*128*128+2*128*64) + 2*4*128,
		model.Network{Architecture: "segnet-basic", Width: 16}: 88_899, model.Network{Architecture: "segnet-basic", Width: 64}: 49*64*(1+7*64) + 2*8*64 + 3*64 + 3,
		// Kernels, scale and shift of each block, output.
		model.Network{Architecture: "segnet-simple", Width: 64}: 9*(64+64*64*(2+8+32+64+32+8+2)) + 2*30*64 + 3*64 + 3,
		model.Network{Architecture: "u-net", Width: 16}:         1_942_563, model.Network{Architecture: "u-net", Width: 64}: 31_037_571,
	} {
		if got := n.NumParameters(); got != want {
			t.Errorf("%s has %d parameters, want %d", n, got, want)
		}
	}
}

func TestParametersAreContiguous(t *testing.T) {
	for _, n := range []model.Network{model.XNet(3), model.Network{Architecture: "xnet-deep", Width: 3}, model.Network{Architecture: "segnet-basic", Width: 3}, model.Network{Architecture: "u-net", Width: 3}} {
		offset := 0
		for _, p := range n.Parameters() {
			if p.Offset != offset {
				t.Errorf("%s: %s begins at %d, want %d", n, p.Name, p.Offset, offset)
			}
			offset += p.Len
			kernel := len(p.Dims) == 4
			if kernel != (p.Offset < n.NumKernel()) {
				t.Errorf("%s: %s is on the wrong side of the kernels' end", n, p.Name)
			}
		}
		if offset != n.NumParameters() {
			t.Errorf("%s: %d parameters, want %d", n, n.NumParameters(), offset)
		}
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
func (b wiring) Up(x, like wire) wire {
	if x.size != (like.size+1)/2 {
		b.t.Errorf("%d rows are doubled to %d", x.size, like.size)
	}
	return wire{x.channels, like.size}
}
func (b wiring) Unpool(x, full, pooled wire) wire {
	if x != pooled || pooled != b.Pool(full) {
		b.t.Errorf("%+v is unpooled as %+v was pooled to %+v", x, full, pooled)
	}
	return full
}
func (b wiring) Concat(x, y wire) wire {
	if x.size != y.size {
		b.t.Errorf("%+v and %+v are joined at different sizes", x, y)
	}
	return wire{x.channels + y.channels, x.size}
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
		model.Network{Architecture: "xnet-deep", Width: 64}: true, model.Network{Architecture: "xnet-deep", Width: 65}: false, model.Network{Architecture: "segnet-basic", Width: 128}: true, model.Network{Architecture: "u-net", Width: 64}: true, model.Network{Architecture: "u-net", Width: 65}: false,
		{Width: 16}: false, {Architecture: "xnet2", Width: 16}: false,
	} {
		if err := n.Check(); (err == nil) != good {
			t.Errorf("%+v: %v", n, err)
		}
	}
}

func TestFlatRoundTrip(t *testing.T) {
	w := lively(model.XNet(2))
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
