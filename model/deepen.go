package model

import (
	"fmt"
	"slices"
)

// Deepen makes weights of another architecture of the same width that compute the same
// function, so that training can continue with it. The other architecture must have every block
// of this one; its additional blocks are initialised at random from the seed, and additional
// input channels of existing blocks get weight zero.
func (w Weights) Deepen(architecture string, seed uint64) (Weights, error) {
	deep := Network{architecture, w.Network.Width}
	if err := deep.Check(); err != nil {
		return Weights{}, fmt.Errorf("deepen %s: %w", w.Network, err)
	}
	to := deep.Init(seed)
	blocks := map[string]Block{}
	for _, b := range deep.Blocks() {
		blocks[b.Name] = b
	}
	for _, b := range w.Network.Blocks() {
		d := blocks[b.Name]
		if d.In < b.In || d.Out != b.Out || d.Side != b.Side || d.Linear != b.Linear {
			return Weights{}, fmt.Errorf("deepen %s: %s has no block like its %s", w.Network, deep, b.Name)
		}
		for _, name := range []string{b.Scale(), b.Shift(), b.Mean(), b.Variance()} {
			to.Arrays[name] = slices.Clone(w.Arrays[name])
		}
		to.Arrays[b.Kernel()] = moreInputs(w.Arrays[b.Kernel()], b, d)
	}
	for _, name := range []string{OutKernel, OutBias} {
		to.Arrays[name] = slices.Clone(w.Arrays[name])
	}
	return to, to.Check()
}

// moreInputs is block from's kernel with zeros for the further channels that to reads.
func moreInputs(kernel []float32, from, to Block) []float32 {
	area := from.Side * from.Side
	wide := make([]float32, to.Out*to.In*area)
	for o := range from.Out {
		copy(wide[o*to.In*area:], kernel[o*from.In*area:][:from.In*area])
	}
	return wide
}
