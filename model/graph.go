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
	b := inference{g, w, g.Floats("scales", []float32{1, 1, 2, 2})}
	features := Build(w.Network, b, x)
	kernel := b.array(OutKernel, numClasses, w.Network.Features(), 1, 1)
	logits := g.Node("Conv", onnx.Attrs{"kernel_shape": []int{1, 1}}, features, kernel, b.array(OutBias, numClasses))
	g.NodeTo(OutputName, "Softmax", onnx.Attrs{"axis": 1}, logits)
	g.Output(OutputName, onnx.Float32, 1, numClasses, Size, Size)
	return g
}

// inference builds nodes; a feature map is the name of its graph value.
type inference struct {
	*onnx.Graph
	weights Weights
	scales  string // the ×1×1×2×2 of Resize
}

var _ Builder[string] = inference{}

func (b inference) array(name string, dims ...int) string {
	return b.Floats(name, b.weights.Arrays[name], dims...)
}

func (b inference) Block(l Block, x string) string {
	before, after := l.Pads()
	same := onnx.Attrs{"kernel_shape": []int{l.Side, l.Side}, "pads": []int{before, before, after, after}}
	y := b.Node("Conv", same, x, b.array(l.Kernel(), l.Out, l.In, l.Side, l.Side))
	y = b.Node("BatchNormalization", onnx.Attrs{"epsilon": float32(Epsilon)}, y,
		b.array(l.Scale(), l.Out), b.array(l.Shift(), l.Out), b.array(l.Mean(), l.Out), b.array(l.Variance(), l.Out))
	return b.NodeTo(l.Name, "Relu", nil, y)
}

func (b inference) Pool(x string) string {
	return b.Node("MaxPool", onnx.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, x)
}

func (b inference) Up(x string, _ int) string {
	return b.Node("Resize", onnx.Attrs{"mode": "nearest", "nearest_mode": "floor",
		"coordinate_transformation_mode": "asymmetric"}, x, "", b.scales)
}

func (b inference) Concat(x, y string) string {
	return b.Node("Concat", onnx.Attrs{"axis": 1}, x, y)
}
