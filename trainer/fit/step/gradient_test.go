package step

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"dicomnode/model"
	"dicomnode/model/ort"
)

func needRuntime(t testing.TB) {
	t.Helper()
	if err := ort.Find(""); err != nil {
		t.Skip(err)
	}
}

func close0(t testing.TB, c interface{ Close() error }) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestGradient compares the graph's gradient with central differences of its
// loss along random directions and along each kind of parameter alone. The
// comparison networks pool an odd number of rows in the end. The smaller the
// maps, the more a normalised value bends with its few neighbours: U-Net wants
// larger ones than the others.
func TestGradient(t *testing.T) {
	needRuntime(t)
	for _, c := range []struct {
		shape      Shape
		parameters []string
	}{
		{Shape{Net: model.XNet(4), Batch: 2, Size: 16}, []string{"all", "a1.kernel", "a3.kernel", "a6.kernel", "a8.scale",
			"a9.kernel", "a14.kernel", "a5.shift", "out.kernel", "out.bias"}},
		{Shape{Net: model.Network{Architecture: "xnet-deep", Width: 4}, Batch: 2, Size: 40}, []string{"all", "a5 deep1.kernel", "a5 deep2.kernel", "a6.kernel", "a11 deep2.scale", "a12.kernel", "a11.kernel"}},
		{Shape{Net: model.Network{Architecture: "segnet-basic", Width: 4}, Batch: 2, Size: 24}, []string{"all", "encode1.kernel", "encode2.kernel", "encode4.kernel",
			"encode3.scale", "decode4.kernel", "decode3.shift", "decode1.kernel", "decode1.scale", "out.kernel", "out.bias"}},
		{Shape{Net: model.Network{Architecture: "u-net", Width: 3}, Batch: 2, Size: 56}, []string{"all", "down1b.kernel", "down4b.kernel",
			"bottomb.kernel", "up4.kernel", "up4a.kernel", "up2.scale", "up1.kernel", "out.kernel"}},
	} {
		for _, c.shape.ChannelMajor = range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/channel-major %t", c.shape.Net, c.shape.ChannelMajor), func(t *testing.T) { checkGradients(t, c.shape, c.parameters...) })
		}
	}
}

// TestFastGradient is TestGradient for the fast path.
func TestFastGradient(t *testing.T) {
	block := needFast(t)
	shape := Shape{Net: model.XNet(block), Batch: 2, Size: 16, Block: block}
	checkGradients(t, shape, "all", "a1.kernel", "a3.kernel", "a8.scale", "a5.shift", "a14.kernel", "out.kernel", "out.bias")
}

// checkGradients compares the gradient of each of these parameters.
func checkGradients(t *testing.T, shape Shape, names ...string) {
	s := Fresh(shape.Net.Init(1))
	r := random(2, 0)
	jitter(shape.Net, s.P, r)
	step, err := New(shape, 0, true, s, ort.Options{Device: ort.CPU, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer close0(t, step)
	b := randomBatch(t, shape, r)
	defer close0(t, b)
	lossAt(t, step, s, b, nil, 0)
	grad := clone(step.grad.Data())
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			checkGradient(t, step, s, b, grad, directionOf(shape.Net, name, grad, random(2, 1)))
		})
	}
}

// checkGradient compares grad, that of s, with differences of the loss along a direction.
func checkGradient(t *testing.T, step *Stepper, s State, b *Batch, grad []float32, direction []float64) {
	want := 0.0
	for i, g := range grad {
		want += float64(g) * direction[i]
	}
	// The loss is piecewise smooth (ReLU, max): take the best of several step
	// lengths: long ones cross kinks, short ones drown in float32 noise.
	best := math.Inf(1)
	for _, h := range []float64{1e-2, 3e-3, 1e-3, 3e-4, 1e-4} {
		got := (lossAt(t, step, s, b, direction, h) - lossAt(t, step, s, b, direction, -h)) / (2 * h)
		best = min(best, math.Abs(got-want)/(math.Abs(want)+1e-3))
	}
	t.Logf("directional derivative %g, best difference %.3f %%", want, 100*best)
	if best > 0.02 {
		t.Errorf("directional derivative %g differs from the differences by %.2f %%", want, 100*best)
	}
}

func jitter(net model.Network, p []float32, r *rand.Rand) {
	for _, q := range net.Parameters() {
		if len(q.Dims) == 1 {
			for i := range q.Len {
				p[q.Offset+i] += float32(0.3 * r.NormFloat64())
			}
		}
	}
}

// directionOf weighs the gradient's own components at random, so that a wrong
// one shows and float32 noise does not.
func directionOf(net model.Network, name string, grad []float32, r *rand.Rand) []float64 {
	d := make([]float64, len(grad))
	var square float64
	for _, p := range net.Parameters() {
		if name != "all" && name != p.Name {
			continue
		}
		for i := p.Offset; i < p.Offset+p.Len; i++ {
			d[i] = float64(grad[i]) * (1 + 0.7*r.NormFloat64())
			square += d[i] * d[i]
		}
	}
	for i := range d {
		d[i] /= math.Sqrt(square)
	}
	return d
}

func lossAt(t *testing.T, step *Stepper, s State, b *Batch, d []float64, h float64) float64 {
	t.Helper()
	moved := State{P: clone(s.P), M: s.M, V: s.V}
	for i := range d {
		moved.P[i] += float32(h * d[i])
	}
	step.put(moved)
	loss, err := step.single(context.Background(), b, 0)
	if err != nil {
		t.Fatal(err)
	}
	return float64(loss)
}

func randomBatch(t testing.TB, shape Shape, r *rand.Rand) *Batch {
	t.Helper()
	b, err := NewBatch(shape)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b.X.Data() {
		b.X.Data()[i] = float32(r.NormFloat64() / 2)
	}
	var sum float64
	pixels := shape.Pixels()
	for i := range shape.Batch {
		for k := range pixels {
			sum += randomTarget(b.T.Data()[i*classes*pixels:], k, pixels, r)
		}
	}
	b.Norm[0] = float32(1 / sum)
	return b
}

// randomTarget makes pixel k's target in t, classes × pixels: a smoothed class with
// a weight of its own, or nothing for one that is ignored; it returns the weight.
func randomTarget(t []float32, k, pixels int, r *rand.Rand) float64 {
	truth := r.IntN(classes + 1)
	if truth == classes {
		return 0
	}
	weight := []float32{1, 1, 0.5}[truth]
	for c := range classes {
		t[c*pixels+k] = weight * 0.1 / classes
	}
	t[truth*pixels+k] += weight * 0.9
	return float64(weight)
}

// random is the generator of the k-th picture of a run.
func random(seed, k uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, k)) }
