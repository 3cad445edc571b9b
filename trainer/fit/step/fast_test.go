package step

import (
	"context"
	"math"
	"testing"

	"dicomnode/model"
	"dicomnode/model/ort"
)

func needFast(t testing.TB) int {
	t.Helper()
	needRuntime(t)
	block, err := checked()
	if err != nil {
		t.Skip(err)
	}
	return block
}

// TestFastIsStandard compares loss and gradient of both paths, and of the standard one
// in both layouts, for maps of even and odd sizes, kernels of 2, 3 and 7 and unpooling.
func TestFastIsStandard(t *testing.T) {
	block := needFast(t)
	for _, s := range []Shape{
		{Net: model.XNet(block), Batch: 2, Size: 40},
		{Net: model.Network{Architecture: "xnet-deep", Width: block}, Batch: 2, Size: 40},
		{Net: model.Network{Architecture: "segnet-basic", Width: block}, Batch: 2, Size: 24},
		{Net: model.Network{Architecture: "u-net", Width: block}, Batch: 2, Size: 56},
	} {
		t.Run(s.Net.String(), func(t *testing.T) {
			fast, major := s, s
			fast.Block, major.ChannelMajor = block, true
			b := randomBatch(t, s, random(3, 3))
			defer close0(t, b)
			wantLoss, want := gradientOn(t, s, b)
			for name, other := range map[string]Shape{"fast": fast, "channel-major": major} {
				loss, got := gradientOn(t, other, b)
				if math.Abs(loss-wantLoss) > 1e-5 {
					t.Errorf("%s: the loss is %g, on the standard path %g", name, loss, wantLoss)
				}
				d := distance(got, want)
				t.Logf("%s: gradients differ by %.2g of their length", name, d)
				if !(d < 0.02) {
					t.Errorf("%s: the gradients differ by %g of their length", name, d)
				}
			}
		})
	}
}

func gradientOn(t *testing.T, s Shape, b *Batch) (float64, []float32) {
	t.Helper()
	start := Fresh(s.Net.Init(1))
	jitter(s.Net, start.P, random(4, 4))
	step, err := New(s, 0, true, start, ort.Options{Device: ort.CPU, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer close0(t, step)
	loss, err := step.single(context.Background(), b, 0)
	if err != nil {
		t.Fatal(err)
	}
	return float64(loss), clone(step.grad.Data())
}

// TestSelfCheckRefuses a block that the processor does not use.
func TestSelfCheckRefuses(t *testing.T) {
	right := needFast(t)
	for _, b := range blockSizes {
		if err := selfCheck(b); (err == nil) != (b == right) {
			t.Errorf("block %d of a processor with %d: %v", b, right, err)
		}
	}
}

func TestSuits(t *testing.T) {
	for _, c := range []struct {
		net   model.Network
		block int
		want  bool
	}{
		{model.XNet(16), 16, true}, {model.XNet(8), 16, false}, {model.XNet(8), 8, true}, {model.XNet(24), 16, false}, {model.Network{Architecture: "segnet-basic", Width: 48}, 16, true},
	} {
		if got := suits(c.net, c.block); got != c.want {
			t.Errorf("suits(%s, %d) = %v", c.net, c.block, got)
		}
	}
}
