package step

import (
	"math"
	"testing"

	"dicomnode/model"
)

// TestMerged compares the convolution merged with the doubling before it, and its
// gradients, with their definition in float64.
func TestMerged(t *testing.T) {
	const in, out, h = 3, 4, 5
	l := model.Block{In: in, Out: out, Side: 3}
	r := random(10, 0)
	normal := func() float32 { return float32(r.NormFloat64()) }
	x, g := randomGrid(r, in, h, normal), randomGrid(r, out, 2*h, normal)
	w := make([]float32, out*in*9)
	for i := range w {
		w[i] = normal()
	}
	forward, kernel, back := make([]float64, len(g.v)), make([]float64, len(w)), make([]float64, len(x.v))
	for i := range forward {
		b, o, p, q := i/(out*4*h*h), i/(4*h*h)%out, i/(2*h)%(2*h), i%(2*h)
		for k := range in * 9 {
			c, row, col := k/9, p+k/3%3-1, q+k%3-1
			if row < 0 || col < 0 || row >= 2*h || col >= 2*h {
				continue
			}
			value, tap := x.at(b, c, row/2, col/2), o*in*9+k
			forward[i] += value * float64(w[tap])
			kernel[tap] += value * float64(g.v[i])
			back[((b*in+c)*h+row/2)*h+col/2] += float64(w[tap]) * float64(g.v[i])
		}
	}
	for _, c := range []struct {
		what string
		make func(n *network, small, d *value, kernel string) string
		want []float64
	}{
		{"forward", func(n *network, small, _ *value, kernel string) string {
			return n.imageMajor(n.mergedConv(l, []*value{small}, n.mergedKernel(l, kernel)))
		}, forward},
		{"kernel", func(n *network, small, d *value, _ string) string {
			return n.mergedKernelGrad(l, []*value{small}, d.name)
		}, kernel},
		{"input", func(n *network, small, d *value, kernel string) string {
			return n.imageMajor(n.mergedInputGrad(l, small, d.name, n.mergedKernel(l, kernel)))
		}, back},
	} {
		small, d, k := &value{c: in, h: h}, &value{c: out, h: 2 * h}, &value{c: in, h: 3}
		checkGraph(t, c.what, func(n *network) string { return c.make(n, small, d, k.name) },
			map[string]*value{"x": small, "g": d, "w": k}, map[string][]float32{"x": x.v, "g": g.v, "w": w}, c.want, 1e-4)
	}
}

// TestMergedIsApart compares loss and gradient of XNet with those that it has when
// doubled maps are made, on both paths.
func TestMergedIsApart(t *testing.T) {
	needRuntime(t)
	shapes := []Shape{{Net: model.XNet(4), Batch: 2, Size: 40}, {Net: model.XNet(4), Batch: 2, Size: 40, ChannelMajor: true}}
	if block, err := checked(); err == nil {
		shapes = append(shapes, Shape{Net: model.XNet(block), Batch: 2, Size: 40, Block: block})
	}
	for _, s := range shapes {
		b := randomBatch(t, s, random(3, 3))
		defer close0(t, b)
		loss, got := gradientOn(t, s, b)
		s.apart = true
		wantLoss, want := gradientOn(t, s, b)
		if math.Abs(loss-wantLoss) > 1e-5 {
			t.Errorf("block %d: the loss is %g, with doubled maps %g", s.Block, loss, wantLoss)
		}
		d := distance(got, want)
		t.Logf("block %d: gradients differ by %.2g of their length", s.Block, d)
		if !(d < 0.02) {
			t.Errorf("block %d: the gradients differ by %g of their length", s.Block, d)
		}
	}
}
