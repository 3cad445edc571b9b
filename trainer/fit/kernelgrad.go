package fit

import "dicomnode/model/onnx"

// kernelGrad is the gradient of a 3×3 same convolution's kernel [co,ci,3,3],
// given its input x and the gradient dy at its output. The nine taps are matrix
// products of shifted copies; which copies cost least depends on the channels.
func (n *network) kernelGrad(x *value, dy string, co int) string {
	switch {
	case x.c*9 < 64:
		return n.kernelGradPatches(x, dy, co)
	case co <= 32:
		return n.kernelGradRows(x, dy, co)
	default:
		return n.kernelGradOnce(x, dy, co)
	}
}

// down returns y with y[h] = x[h−d], right returns y with y[w] = x[w+d]; the
// image is axes 2 and 3. A negative pad cuts.
func (n *network) down(x string, d int64) string {
	return n.Node("Pad", nil, x, n.ints(0, 0, d, 0, 0, 0, -d, 0))
}

func (n *network) right(x string, d int64) string {
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

// kernelGradPatches copies the nine shifts of x: right for very few channels.
func (n *network) kernelGradPatches(x *value, dy string, co int) string {
	padded := n.Node("Pad", nil, x.name, n.ints(0, 0, 1, 1, 0, 0, 1, 1))
	var taps []string
	h := int64(x.h)
	for i := range int64(3) {
		for j := range int64(3) {
			taps = append(taps, n.Node("Slice", nil, padded, n.ints(i, j), n.ints(i+h, j+h), n.ints(2, 3)))
		}
	}
	patches := n.Node("Concat", onnx.Attrs{"axis": 1}, taps...)
	d := n.sumBatch(n.timesTransposed(n.flat(dy, co), n.flat(patches, 9*x.c)))
	d = n.Node("Reshape", nil, d, n.ints(int64(co), 9, int64(x.c)))
	d = n.Node("Transpose", onnx.Attrs{"perm": []int{0, 2, 1}}, d)
	return n.Node("Reshape", nil, d, n.shape(co, x.c, 3, 3))
}

// kernelGradRows stacks the three row shifts of dy and multiplies them with each
// column shift of x: three products per image.
func (n *network) kernelGradRows(x *value, dy string, co int) string {
	rows := n.flat(n.Node("Concat", onnx.Attrs{"axis": 1}, n.down(dy, -1), dy, n.down(dy, 1)), 3*co)
	var columns []string
	for d := int64(-1); d <= 1; d++ {
		shifted := x.name
		if d != 0 {
			shifted = n.right(x.name, d)
		}
		product := n.sumBatch(n.timesTransposed(rows, n.flat(shifted, x.c)))
		columns = append(columns, n.Node("Reshape", nil, product, n.shape(3, co, x.c, 1)))
	}
	d := n.Node("Concat", onnx.Attrs{"axis": 3}, columns...)
	return n.Node("Transpose", onnx.Attrs{"perm": []int{1, 2, 0, 3}}, d)
}

// kernelGradOnce makes all nine taps of the whole batch in one product: the
// channels come first, the images become part of the inner dimension.
func (n *network) kernelGradOnce(x *value, dy string, co int) string {
	first := onnx.Attrs{"perm": []int{1, 0, 2, 3}}
	xt, yt := n.Node("Transpose", first, x.name), n.Node("Transpose", first, dy)
	columns := n.Node("Concat", onnx.Attrs{"axis": 0}, n.right(xt, -1), xt, n.right(xt, 1))
	rows := n.Node("Concat", onnx.Attrs{"axis": 0}, n.down(yt, -1), yt, n.down(yt, 1))
	d := n.timesTransposed(
		n.Node("Reshape", nil, rows, n.ints(int64(3*co), -1)),
		n.Node("Reshape", nil, columns, n.ints(int64(3*x.c), -1)))
	d = n.Node("Reshape", nil, d, n.shape(3, co, 3, x.c))
	return n.Node("Transpose", onnx.Attrs{"perm": []int{1, 3, 0, 2}}, d)
}
