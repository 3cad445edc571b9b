package model

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/x448/float16"

	"dicomnode/model/onnx"
)

// Weights are the arrays of one network by the names that Parameters and
// Statistics list, in row-major order.
type Weights struct {
	Network Network
	Arrays  map[string][]float32
	Half    bool // a bundle stores the kernels in half precision (IEEE 754 binary16)
}

// Init makes untrained weights, a function of the seed alone: kernels from He's
// normal distribution (variance 2/fan-in), scales and running variances one,
// everything else zero.
func (n Network) Init(seed uint64) Weights {
	random := rand.New(rand.NewPCG(seed, 0))
	w := Weights{Network: n, Arrays: map[string][]float32{}}
	for _, p := range n.arrays() {
		values := make([]float32, p.Len)
		if p.isKernel() {
			sigma := math.Sqrt(2 / float64(p.Dims[1]*p.Dims[2]*p.Dims[3]))
			for i := range values {
				values[i] = float32(sigma * random.NormFloat64())
			}
		}
		w.Arrays[p.Name] = values
	}
	for _, b := range n.Blocks() {
		fill(w.Arrays[b.Scale()], 1)
		fill(w.Arrays[b.Variance()], 1)
	}
	return w
}

// arrays lists parameters and statistics; their offsets do not continue.
func (n Network) arrays() []Parameter { return append(n.Parameters(), n.Statistics()...) }

func fill(values []float32, v float32) {
	for i := range values {
		values[i] = v
	}
}

// Flat copies the trained arrays into one vector in the order of Parameters.
func (w Weights) Flat() []float32 { return w.gather(w.Network.Parameters()) }

// SetFlat copies a flat vector into the trained arrays.
func (w Weights) SetFlat(flat []float32) error { return w.scatter(w.Network.Parameters(), flat) }

// Running copies the running statistics into one vector in the order of
// Statistics: every mean, then every variance.
func (w Weights) Running() []float32 { return w.gather(w.Network.Statistics()) }

// SetRunning copies a statistics vector into the running statistics.
func (w Weights) SetRunning(flat []float32) error { return w.scatter(w.Network.Statistics(), flat) }

func (w Weights) gather(list []Parameter) []float32 {
	flat := make([]float32, end(list))
	for _, p := range list {
		copy(flat[p.Offset:p.Offset+p.Len], w.Arrays[p.Name])
	}
	return flat
}

func (w Weights) scatter(list []Parameter, flat []float32) error {
	if len(flat) != end(list) {
		return fmt.Errorf("set weights: %d values, want %d for %s", len(flat), end(list), w.Network)
	}
	for _, p := range list {
		w.Arrays[p.Name] = append([]float32(nil), flat[p.Offset:p.Offset+p.Len]...)
	}
	return nil
}

// Check refuses weights that lack an array, have one of another length, a value that is not
// finite, or a negative variance.
func (w Weights) Check() error {
	if err := w.Network.Check(); err != nil {
		return err
	}
	for _, p := range w.Network.arrays() {
		values := w.Arrays[p.Name]
		if len(values) != p.Len {
			return fmt.Errorf("check weights: %s has %d values, want %d", p.Name, len(values), p.Len)
		}
		if i := firstNotFinite(values); i >= 0 {
			return fmt.Errorf("check weights: %s[%d] is %v", p.Name, i, values[i])
		}
	}
	for _, b := range w.Network.Blocks() {
		for i, v := range w.Arrays[b.Variance()] {
			if v < 0 {
				return fmt.Errorf("check weights: %s[%d] is %v", b.Variance(), i, v)
			}
		}
	}
	return nil
}

// firstNotFinite is the index of the first NaN or infinity, −1 if there is none.
func firstNotFinite(values []float32) int {
	for i, v := range values {
		if v-v != 0 { // NaN for infinities and NaN
			return i
		}
	}
	return -1
}

// rounded returns the weights as a bundle stores them: with Half, the values of kernels are
// rounded to half precision.
func (w Weights) rounded() Weights {
	if !w.Half {
		return w
	}
	arrays := maps.Clone(w.Arrays)
	for _, p := range w.Network.arrays() {
		if !p.isKernel() {
			continue
		}
		values := slices.Clone(arrays[p.Name])
		for i, v := range values {
			values[i] = float16.Fromfloat32(v).Float32()
		}
		arrays[p.Name] = values
	}
	w.Arrays = arrays
	return w
}

// isKernel reports whether an array is a convolution's kernel: nearly all bytes of a network.
func (p Parameter) isKernel() bool { return len(p.Dims) == 4 }

// readWeights reads the arrays of a network from a parsed model.
func readWeights(n Network, m *onnx.Model) (Weights, error) {
	w := Weights{Network: n, Arrays: map[string][]float32{}}
	tensors := map[string]onnx.Tensor{}
	for _, t := range m.Initializers {
		tensors[t.Name] = t
	}
	for _, p := range n.arrays() {
		t, ok := tensors[p.Name]
		if !ok {
			return w, fmt.Errorf("read weights: no array %s", p.Name)
		}
		values, err := t.Floats()
		if err != nil {
			return w, fmt.Errorf("read weights: %w", err)
		}
		w.Arrays[p.Name] = values
		w.Half = w.Half || t.Type == onnx.Float16
	}
	return w, w.Check()
}
