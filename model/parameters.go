package model

// Parameter is one named array of the network.
type Parameter struct {
	Name   string
	Dims   []int
	Offset int // of its first value in the flat vector
	Len    int // the product of Dims
}

// Names of the output convolution's arrays: kernel 3×Features×1×1 and bias 3.
const (
	OutKernel = "out.kernel"
	OutBias   = "out.bias"
)

// Kernel, Scale, Shift, Mean and Variance name the block's arrays: the kernel
// Out×In×Side×Side, the batch normalisation's γ and β, and its running statistics,
// each of Out values.
func (b Block) Kernel() string { return b.Name + ".kernel" }

// Scale names γ; see Kernel.
func (b Block) Scale() string { return b.Name + ".scale" }

// Shift names β; see Kernel.
func (b Block) Shift() string { return b.Name + ".shift" }

// Mean names the running mean; see Kernel.
func (b Block) Mean() string { return b.Name + ".mean" }

// Variance names the running variance; see Kernel.
func (b Block) Variance() string { return b.Name + ".variance" }

// Parameters lists what training changes, in the order of the flat vector:
// every kernel (the blocks', then out.kernel), so that weight decay applies to one
// prefix; then scale and shift of each block; then out.bias.
func (n Network) Parameters() []Parameter {
	var l layout
	for _, b := range n.Blocks() {
		l.add(b.Kernel(), b.Out, b.In, b.Side, b.Side)
	}
	l.add(OutKernel, numClasses, n.Features(), 1, 1)
	for _, b := range n.Blocks() {
		l.add(b.Scale(), b.Out)
		l.add(b.Shift(), b.Out)
	}
	l.add(OutBias, numClasses)
	return l.list
}

// Statistics lists the blocks' running means, then their running variances, in
// the order of the statistics vector.
func (n Network) Statistics() []Parameter {
	var l layout
	for _, b := range n.Blocks() {
		l.add(b.Mean(), b.Out)
	}
	for _, b := range n.Blocks() {
		l.add(b.Variance(), b.Out)
	}
	return l.list
}

// NumParameters is the length of the flat vector.
func (n Network) NumParameters() int { return end(n.Parameters()) }

// NumKernel is the length of the flat vector's prefix that holds the kernels.
func (n Network) NumKernel() int {
	for _, p := range n.Parameters() {
		if p.Name == OutKernel {
			return p.Offset + p.Len
		}
	}
	return 0
}

// NumChannels is the number of normalised channels of all blocks: half the
// length of the statistics vector.
func (n Network) NumChannels() int { return end(n.Statistics()) / 2 }

func end(list []Parameter) int {
	last := list[len(list)-1]
	return last.Offset + last.Len
}

// layout places arrays one after the other.
type layout struct {
	list  []Parameter
	total int
}

func (l *layout) add(name string, dims ...int) {
	size := 1
	for _, d := range dims {
		size *= d
	}
	l.list = append(l.list, Parameter{Name: name, Dims: dims, Offset: l.total, Len: size})
	l.total += size
}
