package fit

import "dicomnode/model/onnx"

// Pool is the maximum of 2×2 pixels.
func (n *network) Pool(x *value) *value {
	out := &value{name: n.Halve(x.name, x.h), c: x.c, h: (x.h + 1) / 2}
	n.tape = append(n.tape, func() {
		// Equal maxima share the gradient: where a picture is flat, all four are.
		at := n.Node("Equal", nil, x.name, n.Double(out.name, x.h))
		maxima := n.sumSquares(n.Node("Cast", onnx.Attrs{"to": int64(onnx.Float32)}, at), x.h)
		share := n.Node("Div", nil, n.gradOf(out), maxima)
		x.grads = append(x.grads, n.Node("Where", nil, at, n.Double(share, x.h), n.scalar(0)))
	})
	return out
}

// Up repeats each pixel 2×2.
func (n *network) Up(x, like *value) *value {
	out := &value{name: n.Double(x.name, like.h), c: x.c, h: like.h}
	n.tape = append(n.tape, func() { x.grads = append(x.grads, n.sumSquares(n.gradOf(out), like.h)) })
	return out
}

// Unpool puts each pixel where pooled's maximum was in full. Those places are
// constant as far as a gradient goes.
func (n *network) Unpool(x, full, pooled *value) *value {
	at := n.First(full.name, pooled.name, full.h)
	zero := n.scalar(0)
	out := &value{name: n.Node("Where", nil, at, n.Double(x.name, full.h), zero), c: x.c, h: full.h}
	n.tape = append(n.tape, func() {
		g := n.Node("Where", nil, at, n.gradOf(out), zero)
		x.grads = append(x.grads, n.sumSquares(g, full.h))
	})
	return out
}

// sumSquares sums each 2×2 pixels of g, h×h; those that an odd h lacks count as
// zero.
func (n *network) sumSquares(g string, h int) string {
	if h%2 != 0 {
		g = n.Node("Pad", nil, g, n.ints(0, 0, 0, 0, 0, 0, 1, 1))
	}
	mean := n.Node("AveragePool", onnx.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, g)
	return n.Node("Mul", nil, mean, n.scalar(4))
}

// Concat joins the channels of a and b.
func (n *network) Concat(a, b *value) *value {
	out := &value{name: n.Node("Concat", onnx.Attrs{"axis": 1}, a.name, b.name), c: a.c + b.c, h: a.h}
	n.tape = append(n.tape, func() {
		parts := n.NodeN(2, "Split", onnx.Attrs{"axis": 1}, n.gradOf(out), n.ints(int64(a.c), int64(b.c)))
		a.grads = append(a.grads, parts[0])
		b.grads = append(b.grads, parts[1])
	})
	return out
}
