package fit

import (
	"dicomnode/model"
	"dicomnode/model/onnx"
)

// same are the attributes of a convolution with a square kernel.
func same(side, before, after int) onnx.Attrs {
	return onnx.Attrs{"kernel_shape": []int{side, side}, "pads": []int{before, before, after, after}}
}

// Block is convolution, batch normalisation with the statistics of this batch,
// ReLU unless it is linear.
func (n *network) Block(l model.Block, x *value) *value {
	co := l.Out
	kernel, scale, shift := n.params[l.Kernel()], n.params[l.Scale()], n.params[l.Shift()]
	before, after := l.Pads()
	y := n.Node("Conv", same(l.Side, before, after), x.name, kernel.value)
	centred, inv := n.normalise(y, co, x.h)
	a := n.Node("Mul", nil, n.Node("Reshape", nil, scale.value, n.ints(1, int64(co), 1, 1)), inv)
	b := n.Node("Reshape", nil, shift.value, n.ints(1, int64(co), 1, 1))
	z := n.Node("Add", nil, n.Node("Mul", nil, centred, a), b)
	if !l.Linear {
		z = n.Node("Relu", nil, z)
	}
	out := &value{name: z, c: co, h: x.h}
	n.tape = append(n.tape, func() {
		dy := n.blockGrad(l, out, centred, inv, a)
		kernel.grad = n.kernelGrad(l, x, dy)
		if l.Index > 0 { // nobody needs the gradient of the picture
			x.grads = append(x.grads, n.Node("Conv", same(l.Side, after, before), dy, n.turned(kernel.value)))
		}
	})
	return out
}

// normalise returns y minus its channel means and 1/√(variance+ε) [1,c,1,1].
// The sums are taken in two stages: one reduction over 200×200×batch float32
// values loses a digit.
func (n *network) normalise(y string, c, h int) (centred, inv string) {
	keep := func(axes ...int) onnx.Attrs { return onnx.Attrs{"axes": axes, "keepdims": 1} }
	mean := n.Node("ReduceMean", keep(0, 2), n.Node("ReduceMean", keep(3), y))
	centred = n.Node("Sub", nil, y, mean)
	sum := n.Node("ReduceSum", onnx.Attrs{"keepdims": 1}, n.Node("ReduceSumSquare", keep(3), centred), n.ints(0, 2))
	variance := n.Node("Mul", nil, sum, n.scalar(1/float32(n.batch*h*h)))
	inv = n.Node("Reciprocal", nil, n.Node("Sqrt", nil, n.Node("Add", nil, variance, n.scalar(model.Epsilon))))
	n.means = append(n.means, n.Node("Reshape", nil, mean, n.ints(int64(c))))
	n.vars = append(n.vars, n.Node("Reshape", nil, variance, n.ints(int64(c))))
	return centred, inv
}

// blockGrad sets the gradients of scale and shift and returns the gradient at the
// convolution's output: with a = scale·inv, out = ReLU(a·d + shift), M values per
// channel and g the gradient before the ReLU,
// dy = a·(g − Σg/M − d·inv²·Σ(g·d)/M).
func (n *network) blockGrad(l model.Block, out *value, d, inv, a string) string {
	scale, shift := n.params[l.Scale()], n.params[l.Shift()]
	m := n.scalar(1 / float32(n.batch*out.h*out.h))
	g := n.beforeReLU(l, out)
	sum := func(x string) string {
		rows := n.Node("ReduceSum", onnx.Attrs{"keepdims": 1}, x, n.ints(3))
		return n.Node("ReduceSum", onnx.Attrs{"keepdims": 1}, rows, n.ints(0, 2))
	}
	sumG := sum(g)
	sumGD := n.Node("Mul", nil, inv, sum(n.Node("Mul", nil, g, d)))
	shift.grad, scale.grad = sumG, sumGD
	k0 := n.Node("Mul", nil, sumG, m)
	k1 := n.Node("Mul", nil, n.Node("Mul", nil, inv, sumGD), m)
	q := n.Node("Sub", nil, n.Node("Sub", nil, g, k0), n.Node("Mul", nil, d, k1))
	return n.Node("Mul", nil, q, a)
}

// beforeReLU is the gradient before block l's ReLU, if it has one. A very steep
// HardSigmoid of a ReLU's output is its 0/1 mask, computed on every thread, which
// Sign is not.
func (n *network) beforeReLU(l model.Block, out *value) string {
	if l.Linear {
		return n.gradOf(out)
	}
	mask := n.Node("HardSigmoid", onnx.Attrs{"alpha": float32(1e30), "beta": float32(0)}, out.name)
	return n.Node("Mul", nil, n.gradOf(out), mask)
}

// turned is the kernel rotated by half a turn with its channels swapped: the
// convolution with it carries a gradient back.
func (n *network) turned(w string) string {
	const low = -1 << 30
	w = n.Node("Slice", nil, w, n.ints(-1, -1), n.ints(low, low), n.ints(2, 3), n.ints(-1, -1))
	return n.Node("Transpose", onnx.Attrs{"perm": []int{1, 0, 2, 3}}, w)
}
