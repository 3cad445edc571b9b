package step

import "dicomnode/model/onnx"

// Pool is the maximum of 2×2 pixels.
func (n *network) Pool(x *value) *value {
	out := &value{name: n.halve(x), c: x.c, h: (x.h + 1) / 2}
	n.tape = append(n.tape, func() {
		// Equal maxima share the gradient: where a picture is flat, all four are.
		// The mask is made of numbers because Where and Cast use one thread.
		at := n.Node("HardSigmoid", steep(1), n.withDouble("Sub", n.nameOf(x), out.name, x.c, x.h))
		share := n.Node("Div", nil, n.gradOf(out), n.sumSquares(at, x.c, x.h))
		x.grads = append(x.grads, n.withDouble("Mul", at, share, x.c, x.h))
	})
	return out
}

// Up repeats each pixel 2×2.
func (n *network) Up(x, like *value) *value {
	out := &value{small: x, c: x.c, h: like.h}
	n.tape = append(n.tape, func() {
		if len(out.grads) > 0 { // a convolution that merges sends them on itself
			x.grads = append(x.grads, n.sumSquares(n.gradOf(out), x.c, like.h))
		}
	})
	return out
}

// Unpool puts each pixel where pooled's maximum was in full. Those places are
// constant as far as a gradient goes. They are found, and used, in the plain
// layout.
func (n *network) Unpool(x, full, pooled *value) *value {
	at := n.First(n.toPlain(n.nameOf(full), full.c), n.toPlain(n.nameOf(pooled), full.c), full.h)
	zero := n.scalar(0)
	y := n.Node("Where", nil, at, n.Double(n.toPlain(n.nameOf(x), x.c), full.h), zero)
	out := &value{name: n.toBlocked(y), c: x.c, h: full.h}
	n.tape = append(n.tape, func() {
		g := n.Node("Where", nil, at, n.toPlain(n.gradOf(out), x.c), zero)
		x.grads = append(x.grads, n.sumSquares(n.toBlocked(g), x.c, full.h))
	})
	return out
}

// sumSquares sums each 2×2 pixels of g, c×h×h; those that an odd h lacks count as
// zero.
func (n *network) sumSquares(g string, c, h int) string {
	if h%2 != 0 {
		g = n.toBlocked(n.Node("Pad", nil, n.toPlain(g, c), n.ints(0, 0, 0, 0, 0, 0, 1, 1)))
	}
	return n.Node("Mul", nil, n.average2(g), n.scalar(4))
}

// Concat joins the channels of a and b.
func (n *network) Concat(a, b *value) *value {
	out := &value{parts: []*value{a, b}, c: a.c + b.c, h: a.h}
	n.tape = append(n.tape, func() {
		if len(out.grads) == 0 { // a convolution of the parts sends them on itself
			return
		}
		parts := n.NodeN(2, "Split", onnx.Attrs{"axis": n.channels()}, n.gradOf(out), n.ints(int64(a.c), int64(b.c)))
		a.grads = append(a.grads, parts[0])
		b.grads = append(b.grads, parts[1])
	})
	return out
}
