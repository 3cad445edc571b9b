package model

import "dicomnode/model/onnx"

// Names of the inference graph's input and output.
const (
	InputName  = "x"
	OutputName = "probabilities"
)

// graph writes the inference graph. Batch normalisation stays a node of its
// own, so the weights can be read back unchanged for further training; ONNX
// Runtime folds it into the convolution when it loads the model.
func (w Weights) graph() *onnx.Graph {
	g := onnx.NewGraph(w.Network.Architecture)
	x := g.Input(InputName, onnx.Float32, 1, 1, Size, Size)
	b := inference{&Resampler{Graph: g, Scales: g.Floats("scales", []float32{1, 1, 2, 2})}, w}
	features := Build(w.Network, b, plane{x, Size})
	kernel := b.array(OutKernel, numClasses, w.Network.Features(), 1, 1)
	logits := g.Node("Conv", onnx.Attrs{"kernel_shape": []int{1, 1}}, features.name, kernel, b.array(OutBias, numClasses))
	g.NodeTo(OutputName, "Softmax", onnx.Attrs{"axis": 1}, logits)
	g.Output(OutputName, onnx.Float32, 1, numClasses, Size, Size)
	return g
}

// plane is a feature map: the name of its graph value, its rows and columns.
type plane struct {
	name string
	size int
}

// inference builds nodes.
type inference struct {
	*Resampler
	weights Weights
}

var _ Builder[plane] = inference{}

func (b inference) array(name string, dims ...int) string {
	return b.Floats(name, b.weights.Arrays[name], dims...)
}

func (b inference) Block(l Block, x plane) plane {
	before, after := l.Pads()
	same := onnx.Attrs{"kernel_shape": []int{l.Side, l.Side}, "pads": []int{before, before, after, after}}
	y := b.Node("Conv", same, x.name, b.array(l.Kernel(), l.Out, l.In, l.Side, l.Side))
	normalised := []string{y, b.array(l.Scale(), l.Out), b.array(l.Shift(), l.Out), b.array(l.Mean(), l.Out), b.array(l.Variance(), l.Out)}
	normalise := onnx.Attrs{"epsilon": float32(Epsilon)}
	if l.Linear {
		return plane{b.NodeTo(l.Name, "BatchNormalization", normalise, normalised...), x.size}
	}
	y = b.Node("BatchNormalization", normalise, normalised...)
	return plane{b.NodeTo(l.Name, "Relu", nil, y), x.size}
}

func (b inference) Pool(x plane) plane { return plane{b.Halve(x.name, x.size), (x.size + 1) / 2} }

func (b inference) Up(x, like plane) plane { return plane{b.Double(x.name, like.size), like.size} }

func (b inference) Unpool(x, full, pooled plane) plane {
	at := b.First(full.name, pooled.name, full.size)
	zero := b.Floats("", []float32{0}, 1)
	return plane{b.Node("Where", nil, at, b.Double(x.name, full.size), zero), full.size}
}

func (b inference) Concat(x, y plane) plane {
	return plane{b.Node("Concat", onnx.Attrs{"axis": 1}, x.name, y.name), x.size}
}
