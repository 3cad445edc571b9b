package step

import (
	"slices"

	"dicomnode/model"
	"dicomnode/model/onnx"
)

// kernelGrad is the gradient of block l's kernel [co,ci,side,side], given the pieces
// of its input x and the gradient dy at its convolution's output. The taps are matrix
// products of shifted copies; which copies cost least depends on the channels.
func (n *network) kernelGrad(l model.Block, x []*value, dy string) string {
	switch {
	case n.channelMajor:
		return n.kernelGradStacked(l, x, dy)
	case l.In*l.Side*l.Side < 64:
		return n.kernelGradPatches(l, x, dy)
	case l.Out <= 32:
		return n.kernelGradRows(l, x, dy)
	default:
		return n.kernelGradOnce(l, x, dy)
	}
}

// shifts are the copies of x moved by each tap's distance from the kernel's
// centre.
func shifts(l model.Block, x string, move func(x string, d int64) string) []string {
	before, after := l.Pads()
	var list []string
	for d := -before; d <= after; d++ {
		list = append(list, move(x, int64(d)))
	}
	return list
}

// down returns y with y[h] = x[h−d], right returns y with y[w] = x[w+d]; the
// image is axes 2 and 3. A negative pad cuts.
func (n *network) down(x string, d int64) string {
	if d == 0 {
		return x
	}
	return n.Node("Pad", nil, x, n.ints(0, 0, d, 0, 0, 0, -d, 0))
}

func (n *network) right(x string, d int64) string {
	if d == 0 {
		return x
	}
	return n.Node("Pad", nil, x, n.ints(0, 0, 0, -d, 0, 0, 0, d))
}

func (n *network) flat(x string, c int) string {
	return n.Node("Reshape", nil, x, n.ints(int64(n.batch), int64(c), -1))
}

func (n *network) timesTransposed(a, b string) string {
	return n.Node("com.microsoft:FusedMatMul", onnx.Attrs{"transB": 1}, a, b)
}

func (n *network) sumBatch(x string) string {
	return n.Node("ReduceSum", onnx.Attrs{"keepdims": 0}, x, n.ints(0))
}

// kernelGradPatches copies all shifts of x: right for very few channels.
func (n *network) kernelGradPatches(l model.Block, pieces []*value, dy string) string {
	x := &value{name: n.join(1, n.namesOf(pieces)), h: pieces[0].h}
	b, a := l.Pads()
	before, after, side := int64(b), int64(a), int64(l.Side)
	padded := n.Node("Pad", nil, x.name, n.ints(0, 0, before, before, 0, 0, after, after))
	var taps []string
	h := int64(x.h)
	for i := range side {
		for j := range side {
			taps = append(taps, n.Node("Slice", nil, padded, n.ints(i, j), n.ints(i+h, j+h), n.ints(2, 3)))
		}
	}
	patches := n.Node("Concat", onnx.Attrs{"axis": 1}, taps...)
	d := n.sumBatch(n.timesTransposed(n.flat(dy, l.Out), n.flat(patches, len(taps)*l.In)))
	d = n.Node("Reshape", nil, d, n.shape(l.Out, len(taps), l.In))
	d = n.Node("Transpose", onnx.Attrs{"perm": []int{0, 2, 1}}, d)
	return n.Node("Reshape", nil, d, n.shape(l.Out, l.In, l.Side, l.Side))
}

// kernelGradRows stacks the row shifts of dy and multiplies them with each
// column shift of x: as many products per image as the kernel has columns.
func (n *network) kernelGradRows(l model.Block, pieces []*value, dy string) string {
	rows := n.flat(n.Node("Concat", onnx.Attrs{"axis": 1}, shifts(l, dy, n.down)...), l.Side*l.Out)
	var columns []string
	before, after := l.Pads()
	for d := -before; d <= after; d++ {
		var parts []string
		for _, x := range pieces {
			product := n.sumBatch(n.timesTransposed(rows, n.flat(n.right(x.name, int64(d)), x.c)))
			parts = append(parts, n.Node("Reshape", nil, product, n.shape(l.Side, l.Out, x.c, 1)))
		}
		columns = append(columns, n.join(2, parts))
	}
	d := n.join(3, columns)
	return n.Node("Transpose", onnx.Attrs{"perm": []int{1, 2, 0, 3}}, d)
}

// kernelGradOnce makes all taps of the whole batch in one product: the channels
// come first, the images become part of the inner dimension.
func (n *network) kernelGradOnce(l model.Block, pieces []*value, dy string) string {
	first := onnx.Attrs{"perm": []int{1, 0, 2, 3}}
	var moved []string // every shift of all pieces
	for i, x := range pieces {
		for k, copied := range shifts(l, n.Node("Transpose", first, x.name), n.right) {
			moved = slices.Insert(moved, (k+1)*(i+1)-1, copied)
		}
	}
	columns := n.join(0, moved)
	rows := n.join(0, shifts(l, n.Node("Transpose", first, dy), n.down))
	d := n.timesTransposed(
		n.Node("Reshape", nil, rows, n.ints(int64(l.Side*l.Out), -1)),
		n.Node("Reshape", nil, columns, n.ints(int64(l.Side*l.In), -1)))
	d = n.Node("Reshape", nil, d, n.shape(l.Side, l.Out, l.Side, l.In))
	return n.Node("Transpose", onnx.Attrs{"perm": []int{1, 3, 0, 2}}, d)
}
