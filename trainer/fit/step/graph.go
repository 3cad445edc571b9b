package step

import (
	"fmt"

	"dicomnode/model"
	"dicomnode/model/onnx"
)

// classes is the number of classes of the targets.
const classes = 3

// Adam's decay rates and denominator guard, Keras's defaults.
const (
	beta1       = 0.9
	beta2       = 0.999
	adamEpsilon = 1e-7
)

// Names of the step graph's inputs and outputs. P, M, V are the flat parameters
// and Adam's two moments; x is batch×1×size×size, t batch×3×size×size the target
// weight of each class at each pixel (all zero where a pixel is ignored);
// norm [1] is one over the sum of t, so the loss is a mean; rate [1] is the
// learning rate with Adam's bias correction.
var (
	stepInputs  = []string{"P", "M", "V", "x", "t", "norm", "rate"}
	stepOutputs = []string{"P2", "M2", "V2", "loss"}
)

// Shape says what one session's graph is for. Size must be a multiple of 8.
type Shape struct {
	Net         model.Network
	Batch, Size int
	Block       int // channels per block on the fast path, 0 for the standard one
	Steps       int // made in one run of the graph at most; 0 and 1: one, and no Loop

	// Maps lie channel × image, see layout: what a CPU's standard operators like.
	ChannelMajor bool

	apart bool // doubled and joined maps are made and convolved then, to compare with
}

// Pixels is the number of pixels of a picture.
func (s Shape) Pixels() int { return s.Size * s.Size }

// stepGraph is the training step: forward, cross-entropy, gradients, L2 and
// Adam. withGrad adds the output G, the flat gradient of the loss alone.
func stepGraph(s Shape, l2 float32, withGrad bool) []byte {
	g := onnx.NewGraph(s.Net.Architecture + "-step")
	total := s.Net.NumParameters()
	for _, name := range stepInputs[:3] {
		g.Input(name, onnx.Float32, total)
	}
	g.Input("x", onnx.Float32, s.Batch, 1, s.Size, s.Size)
	g.Input("t", onnx.Float32, s.Batch, 3, s.Size, s.Size)
	g.Input("norm", onnx.Float32, 1)
	g.Input("rate", onnx.Float32, 1)
	grad := stepNodes(g, s, l2, "")
	if withGrad {
		g.NodeTo("G", "Identity", nil, grad)
		g.Output("G", onnx.Float32, total)
	}
	for _, name := range stepOutputs[:3] {
		g.Output(name, onnx.Float32, total)
	}
	g.Output("loss", onnx.Float32, 1)
	return g.Model(nil)
}

// stepNodes makes stepOutputs of stepInputs, which g has, all with the suffix to
// their names, and returns the flat gradient.
func stepNodes(g *onnx.Graph, s Shape, l2 float32, suffix string) string {
	n, features := forwardGraph(g, s, suffix)
	n.loss(features)
	n.sweep()
	grad := n.flatGrad()
	n.adam(grad, l2)
	return grad
}

// statisticsGraph is the forward pass alone: inputs P and x, outputs mean and
// var, the batch statistics of every block one after the other.
func statisticsGraph(s Shape) []byte {
	g := onnx.NewGraph(s.Net.Architecture + "-statistics")
	net := s.Net
	g.Input("P", onnx.Float32, net.NumParameters())
	g.Input("x", onnx.Float32, s.Batch, 1, s.Size, s.Size)
	n, _ := forwardGraph(g, s, "")
	total := net.NumChannels()
	g.NodeTo("mean", "Concat", onnx.Attrs{"axis": 0}, n.means...)
	g.NodeTo("var", "Concat", onnx.Attrs{"axis": 0}, n.vars...)
	g.Output("mean", onnx.Float32, total)
	g.Output("var", onnx.Float32, total)
	return g.Model(nil)
}

// forwardGraph is the network on the values x and P.
func forwardGraph(g *onnx.Graph, s Shape, suffix string) (*network, *value) {
	if s.Size%8 != 0 {
		panic(fmt.Sprintf("step: size %d is no multiple of 8", s.Size))
	}
	n := &network{Resampler: &model.Resampler{Graph: g}, net: s.Net, layout: layout{s.Batch, s.Block, s.ChannelMajor}, apart: s.apart, suffix: suffix}
	x := &value{name: n.name("x"), c: 1, h: s.Size}
	if n.channelMajor { // with a single channel only the dimensions are in another order
		x.name = n.Node("Reshape", nil, x.name, n.shape(n.dims(x.c, x.h)...))
	}
	n.split(n.name("P"))
	return n, model.Build(n.net, n, x)
}

// loss builds the output convolution and the weighted cross-entropy
// −norm·Σ t·log softmax, and sends the gradients back to the features.
func (n *network) loss(features *value) {
	t, norm := n.name("t"), n.name("norm")
	kernel, bias := n.params[model.OutKernel], n.params[model.OutBias]
	one := onnx.Attrs{"kernel_shape": []int{1, 1}}
	pieces := features.pieces(n.apart)
	plain, kernels := n.plains(pieces), n.cut(kernel.value, pieces)
	logits := n.plainConv(one, plain[0].name, kernels[0], bias.value)
	for i, p := range plain[1:] {
		logits = n.Node("Add", nil, n.plainConv(one, p.name, kernels[i+1]), logits)
	}
	if n.channelMajor {
		t = n.Node("Transpose", onnx.Attrs{"perm": []int{1, 0, 2, 3}}, t)
	}
	shifted := n.Node("Sub", nil, logits, n.Node("ReduceMax", onnx.Attrs{"axes": []int{n.channels()}, "keepdims": 1}, logits))
	exp := n.Node("Exp", nil, shifted)
	sum := n.Node("ReduceSum", onnx.Attrs{"keepdims": 1}, exp, n.shape(n.channels()))
	logp := n.Node("Sub", nil, shifted, n.Node("Log", nil, sum))
	rows := n.Node("ReduceSum", onnx.Attrs{"keepdims": 0}, n.Node("Mul", nil, t, logp), n.ints(3))
	total := n.Node("ReduceSum", onnx.Attrs{"keepdims": 0}, rows, n.ints(0, 1, 2))
	n.NodeTo(n.name("loss"), "Neg", nil, n.Node("Mul", nil, total, norm))

	weight := n.Node("ReduceSum", onnx.Attrs{"keepdims": 1}, t, n.shape(n.channels()))
	p := n.Node("Mul", nil, n.Node("Div", nil, exp, sum), weight)
	d := n.Node("Mul", nil, n.Node("Sub", nil, p, t), norm)
	bias.grad = n.sumOver(n.sumOver(d, 3), n.images(), 2)
	var products []string
	for _, p := range plain {
		products = append(products, n.product(&value{name: d, c: 3, h: p.h}, p))
	}
	kernel.grad = n.join(1, products)
	n.sendBack(pieces, kernel.value, func(_ *value, kernel string) string {
		back := n.Node("Transpose", onnx.Attrs{"perm": []int{1, 0, 2, 3}}, kernel)
		return n.toBlocked(n.plainConv(one, d, back))
	})
}

// flatGrad joins the parameters' gradients in the order of the flat vector.
func (n *network) flatGrad() string {
	var parts []string
	for _, p := range n.net.Parameters() {
		parts = append(parts, n.Node("Reshape", nil, n.params[p.Name].grad, n.ints(-1)))
	}
	return n.Node("Concat", onnx.Attrs{"axis": 0}, parts...)
}

// adam adds λ‖kernels‖²'s gradient 2λW to grad and builds P2, M2 and V2.
func (n *network) adam(grad string, l2 float32) {
	if l2 != 0 {
		kernel, total := int64(n.net.NumKernel()), int64(n.net.NumParameters())
		kernels := n.Node("Slice", nil, n.name("P"), n.ints(0), n.ints(kernel), n.ints(0))
		decay := n.Node("Mul", nil, kernels, n.scalar(2*l2))
		decay = n.Node("Pad", nil, decay, n.ints(0, total-kernel))
		grad = n.Node("Add", nil, grad, decay)
	}
	mix := func(out, old, now string, beta float32) string {
		return n.NodeTo(n.name(out), "Add", nil, n.Node("Mul", nil, n.name(old), n.scalar(beta)), n.Node("Mul", nil, now, n.scalar(1-beta)))
	}
	m := mix("M2", "M", grad, beta1)
	v := mix("V2", "V", n.Node("Mul", nil, grad, grad), beta2)
	root := n.Node("Add", nil, n.Node("Sqrt", nil, v), n.scalar(adamEpsilon))
	n.NodeTo(n.name("P2"), "Sub", nil, n.name("P"), n.Node("Mul", nil, n.name("rate"), n.Node("Div", nil, m, root)))
}
