package model

import (
	"fmt"
	"math/rand/v2"
)

// Widen makes weights of a wider network of the same architecture that compute the same
// function, so that training can continue with it (Net2Net: Chen, Goodfellow and Shlens, ICLR
// 2016, section 3.2). Channels are repeated, and each reader of a repeated channel divides its
// weight among the copies. The division is random, from the seed: copies with equal weights
// would remain equal in training.
func (w Weights) Widen(width int, seed uint64) (Weights, error) {
	wide := Network{w.Network.Architecture, width}
	if width < w.Network.Width {
		return Weights{}, fmt.Errorf("widen %s: width %d is narrower", w.Network, width)
	}
	if err := wide.Check(); err != nil {
		return Weights{}, fmt.Errorf("widen %s: %w", w.Network, err)
	}
	b := &widener{from: w, to: Weights{Network: wide, Arrays: map[string][]float32{}}, random: rand.New(rand.NewPCG(seed, 1))}
	b.narrow = w.Network.Blocks()
	x := Build(wide, b, copies{from: []int{0}, of: 1})
	out := identity(numClasses)
	b.kernel(OutKernel, 1, out, x)
	b.repeat(OutBias, out)
	return b.to, b.to.Check()
}

// copies maps each channel of the wide network's map to the channel of the narrow network's of
// which it is a copy.
type copies struct {
	from []int
	of   int // channels of the narrow map
}

func identity(n int) copies { return repeated(n, n) }

// repeated are the copies when n channels become wide ones.
func repeated(n, wide int) copies {
	c := copies{from: make([]int, wide), of: n}
	for i := range c.from {
		c.from[i] = i % n
	}
	return c
}

var _ Builder[copies] = (*widener)(nil)

// widener fills the wide arrays on its way through the network.
type widener struct {
	from, to Weights
	narrow   []Block
	random   *rand.Rand
}

func (w *widener) Block(b Block, x copies) copies {
	out := repeated(w.narrow[b.Index].Out, b.Out)
	w.kernel(b.Kernel(), b.Side*b.Side, out, x)
	for _, name := range []string{b.Scale(), b.Shift(), b.Mean(), b.Variance()} {
		w.repeat(name, out)
	}
	return out
}

func (w *widener) Pool(x copies) copies         { return x }
func (w *widener) Up(x, _ copies) copies        { return x }
func (w *widener) Unpool(x, _, _ copies) copies { return x }

func (w *widener) Concat(a, b copies) copies {
	both := copies{from: append([]int(nil), a.from...), of: a.of + b.of}
	for _, c := range b.from {
		both.from = append(both.from, a.of+c)
	}
	return both
}

func (w *widener) repeat(name string, out copies) {
	narrow := w.from.Arrays[name]
	wide := make([]float32, len(out.from))
	for i, c := range out.from {
		wide[i] = narrow[c]
	}
	w.to.Arrays[name] = wide
}

// kernel fills out×in×area weights.
func (w *widener) kernel(name string, area int, out, in copies) {
	narrow := w.from.Arrays[name]
	wide := make([]float32, 0, len(out.from)*len(in.from)*area)
	for _, o := range out.from {
		for i, share := range w.shares(in) {
			at := (o*in.of + in.from[i]) * area
			for _, v := range narrow[at : at+area] {
				wide = append(wide, v*share)
			}
		}
	}
	w.to.Arrays[name] = wide
}

// shares draws the share of a weight for each copy: the shares of one channel's copies sum to
// one.
func (w *widener) shares(in copies) []float32 {
	shares, sum := make([]float32, len(in.from)), make([]float32, in.of)
	for i, c := range in.from {
		shares[i] = 0.5 + w.random.Float32()
		sum[c] += shares[i]
	}
	for i, c := range in.from {
		shares[i] /= sum[c]
	}
	return shares
}
