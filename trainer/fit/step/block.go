package step

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
	kernel, scale, shift := n.params[l.Kernel()], n.params[l.Scale()], n.params[l.Shift()]
	y, back := n.convolution(l, x, kernel)
	centred, inv := n.normalise(y, l.Out, x.h)
	a := n.Node("Mul", nil, scale.value, inv)
	z := n.affine(centred, l.Out, a, shift.value, "", !l.Linear)
	out := &value{name: z, c: l.Out, h: x.h}
	n.tape = append(n.tape, func() {
		n.blockGrad(l, out, centred, inv, a, back)
	})
	return out
}

// convolution is block l's, and what sends the gradient at its output back, which is
// that of each channel of dy times its scale; an empty scale is 1.
func (n *network) convolution(l model.Block, x *value, kernel *param) (y string, back func(dy, scale string)) {
	if n.merges(l, x) {
		merged, small := n.mergedKernel(l, kernel.value), x.small.pieces(n.apart)
		return n.mergedConv(l, small, merged), func(dy, scale string) {
			kernel.grad = n.scaleKernel(n.mergedKernelGrad(l, small, dy), scale)
			n.sendBack(small, n.scaleKernel(merged, scale), func(piece *value, kernel string) string { return n.mergedInputGrad(l, piece, dy, kernel) })
		}
	}
	pieces := x.pieces(n.apart)
	before, after := l.Pads()
	return n.convPieces(pieces, kernel.value, l.Out, same(l.Side, before, after), l.Side), func(dy, scale string) {
		kernel.grad = n.scaleKernel(n.kernelGrad(l, n.plains(pieces), n.toPlain(dy, l.Out)), scale)
		if l.Index > 0 { // nobody needs the gradient of the picture
			n.sendBack(pieces, n.scaleKernel(kernel.value, scale), func(piece *value, kernel string) string {
				return n.conv(dy, n.turned(kernel), l.Out, piece.c, same(l.Side, after, before), l.Side, "")
			})
		}
	}
}

// scaleKernel is a kernel [out,in,side,side] times scale [out], which may be "".
func (n *network) scaleKernel(kernel, scale string) string {
	if scale == "" {
		return kernel
	}
	return n.Node("Mul", nil, kernel, n.Node("Reshape", nil, scale, n.ints(-1, 1, 1, 1)))
}

// sendBack adds to each piece the gradient that its part of the kernel makes.
func (n *network) sendBack(pieces []*value, kernel string, grad func(piece *value, kernel string) string) {
	for i, k := range n.cut(kernel, pieces) {
		pieces[i].grads = append(pieces[i].grads, grad(pieces[i], k))
	}
}

// normalise returns y minus its channel means and 1/√(variance+ε) [c].
func (n *network) normalise(y string, c, h int) (centred, inv string) {
	share := n.scalar(1 / float32(n.batch*h*h))
	mean := n.Node("Mul", nil, n.channelSum(y, c, h, false), share)
	centred = n.affine(y, c, "", n.Node("Neg", nil, mean), "", false)
	variance := n.Node("Mul", nil, n.channelSum(centred, c, h, true), share)
	inv = n.Node("Reciprocal", nil, n.Node("Sqrt", nil, n.Node("Add", nil, variance, n.scalar(model.Epsilon))))
	n.means, n.vars = append(n.means, mean), append(n.vars, variance)
	return centred, inv
}

// blockGrad sets the gradients of scale and shift and sends the gradient at the
// convolution's output back: with a = scale·inv, out = ReLU(a·d + shift), M values per
// channel and g the gradient before the ReLU,
// dy = a·(g − (inv²·Σ(g·d)/M)·d − Σg/M).
func (n *network) blockGrad(l model.Block, out *value, d, inv, a string, back func(dy, scale string)) {
	g := n.beforeReLU(l, out)
	sumG := n.channelSum(g, out.c, out.h, false)
	sumGD := n.Node("Mul", nil, inv, n.channelSum(n.Node("Mul", nil, g, d), out.c, out.h, false))
	n.params[l.Shift()].grad, n.params[l.Scale()].grad = sumG, sumGD
	share := n.scalar(-1 / float32(n.batch*out.h*out.h))
	if n.block == 0 { // the factor a costs less on the kernels than on a map
		k := n.Node("Mul", nil, share, n.Node("Mul", nil, inv, sumGD))
		back(n.affine(d, out.c, k, n.Node("Mul", nil, share, sumG), g, false), a)
		return
	}
	m := n.Node("Mul", nil, a, share)
	k := n.Node("Mul", nil, m, n.Node("Mul", nil, inv, sumGD))
	rest := n.affine(d, out.c, k, n.Node("Mul", nil, m, sumG), "", false)
	back(n.affine(g, out.c, a, "", rest, false), "")
}

// beforeReLU is the gradient before block l's ReLU, if it has one. A very steep
// HardSigmoid of a ReLU's output is its 0/1 mask, computed on every thread, which
// Sign is not.
func (n *network) beforeReLU(l model.Block, out *value) string {
	if l.Linear {
		return n.gradOf(out)
	}
	return n.Node("Mul", nil, n.gradOf(out), n.Node("HardSigmoid", steep(0), out.name))
}

// steep are the attributes of a HardSigmoid that is 1 above zero, 0 below and
// zero, which is at 0, at zero itself.
func steep(zero float32) onnx.Attrs {
	return onnx.Attrs{"alpha": float32(1e30), "beta": zero}
}

// turned is the kernel rotated by half a turn with its channels swapped: the
// convolution with it carries a gradient back.
func (n *network) turned(w string) string {
	const low = -1 << 30
	w = n.Node("Slice", nil, w, n.ints(-1, -1), n.ints(low, low), n.ints(2, 3), n.ints(-1, -1))
	return n.Node("Transpose", onnx.Attrs{"perm": []int{1, 0, 2, 3}}, w)
}
