package model

import "dicomnode/model/onnx"

// Names of the inference graph's input and output.
const (
	InputName  = "x"
	OutputName = "probabilities"
)

// graph writes the inference graph of a bundle. Batch normalisation is a separate node, so the
// weights can be read back unchanged for further training; ONNX Runtime folds it into the
// convolution when it loads the model. Kernels in half precision are cast, so everything is
// computed in single precision.
func (w Weights) graph() *onnx.Graph {
	return w.write(1, func(b inference) Builder[plane] { return b })
}

// anyBatch is the number of pictures of a graph that leaves it open.
const anyBatch = -1

// write writes the graph for so many pictures at once.
func (w Weights) write(batch int, builder func(inference) Builder[plane]) *onnx.Graph {
	g := onnx.NewGraph(w.Network.Architecture)
	x := g.Input(InputName, onnx.Float32, batch, 1, Size, Size)
	b := inference{&Resampler{Graph: g, Scales: g.Floats("scales", []float32{1, 1, 2, 2})}, w, batch}
	features := Build(w.Network, builder(b), plane{name: x, size: Size})
	kernel := b.array(OutKernel, numClasses, w.Network.Features(), 1, 1)
	logits := g.Node("Conv", onnx.Attrs{"kernel_shape": []int{1, 1}}, b.nameOf(features), kernel, b.array(OutBias, numClasses))
	g.NodeTo(OutputName, "Softmax", onnx.Attrs{"axis": 1}, logits)
	g.Output(OutputName, onnx.Float32, batch, numClasses, Size, Size)
	return g
}

// plane is a feature map of size rows and columns.
type plane struct {
	name  string // of its graph value; see nameOf
	size  int
	small string // the value that a map without a name doubles, see merged
}

// inference builds nodes.
type inference struct {
	*Resampler
	weights Weights
	batch   int // pictures at once, or anyBatch
}

var _ Builder[plane] = inference{}

// nameOf is the name of x's graph value. A map that is only known as the double of another is
// made now.
func (b inference) nameOf(x plane) string {
	if x.name == "" {
		return b.Double(x.small, x.size)
	}
	return x.name
}

func (b inference) array(name string, dims ...int) string {
	if b.weights.Half && len(dims) == 4 {
		stored := b.Halves(name, b.weights.Arrays[name], dims...)
		return b.Node("Cast", onnx.Attrs{"to": int(onnx.Float32)}, stored)
	}
	return b.Floats(name, b.weights.Arrays[name], dims...)
}

func (b inference) Block(l Block, x plane) plane {
	before, after := l.Pads()
	same := onnx.Attrs{"kernel_shape": []int{l.Side, l.Side}, "pads": []int{before, before, after, after}}
	y := b.Node("Conv", same, b.nameOf(x), b.array(l.Kernel(), l.Out, l.In, l.Side, l.Side))
	normalise, arrays := b.normalisation(l)
	if l.Linear {
		return plane{name: b.NodeTo(l.Name, "BatchNormalization", normalise, append([]string{y}, arrays...)...), size: x.size}
	}
	y = b.Node("BatchNormalization", normalise, append([]string{y}, arrays...)...)
	return plane{name: b.NodeTo(l.Name, "Relu", nil, y), size: x.size}
}

// normalisation are the attributes and the constant inputs of l's batch normalisation.
func (b inference) normalisation(l Block) (onnx.Attrs, []string) {
	return onnx.Attrs{"epsilon": float32(Epsilon)},
		[]string{b.array(l.Scale(), l.Out), b.array(l.Shift(), l.Out), b.array(l.Mean(), l.Out), b.array(l.Variance(), l.Out)}
}

func (b inference) Pool(x plane) plane {
	return plane{name: b.Halve(b.nameOf(x), x.size), size: (x.size + 1) / 2}
}

func (b inference) Up(x, like plane) plane {
	return plane{name: b.Double(b.nameOf(x), like.size), size: like.size}
}

func (b inference) Unpool(x, full, pooled plane) plane {
	at := b.First(b.nameOf(full), b.nameOf(pooled), full.size)
	zero := b.Floats("", []float32{0}, 1)
	return plane{name: b.Node("Where", nil, at, b.Double(b.nameOf(x), full.size), zero), size: full.size}
}

func (b inference) Concat(x, y plane) plane {
	return plane{name: b.Node("Concat", onnx.Attrs{"axis": 1}, b.nameOf(x), b.nameOf(y)), size: x.size}
}
