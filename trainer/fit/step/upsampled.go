package step

import (
	"dicomnode/model"
	"dicomnode/model/onnx"
)

// A 3×3 convolution of a map that Up doubled meets each value of the small map up to
// four times. Summing what its kernel gives them first leaves a 4×4 kernel between
// the small map and the large one: the large map's row u takes from the small map's
// row i with tap u−2i+1. That is 16 products for 2×2 pixels where there were 36, and
// the doubled map is never made.

// merges reports whether block l on x is such a convolution.
func (n *network) merges(l model.Block, x *value) bool {
	return x.small != nil && l.Side == 3 && x.h%2 == 0 && !n.apart
}

// mergedTaps is the 9×16 matrix from a 3×3 kernel to the 4×4 one, or its transpose.
func (n *network) mergedTaps(transposed bool) string {
	// Of the rows, and so of the columns: the 3×3 kernel's tap k meets the doubled
	// map's row u+k−1, which is the small map's row i if that is 2i or 2i+1.
	meets := func(k, t int) bool { u := t - 1; return u+k-1 == 0 || u+k-1 == 1 }
	m := make([]float32, 9*16)
	for i := range m {
		k, t := i/16, i%16
		if meets(k/3, t/4) && meets(k%3, t%4) {
			if transposed {
				m[t*9+k] = 1
			} else {
				m[i] = 1
			}
		}
	}
	if transposed {
		return n.Floats("", m, 16, 9)
	}
	return n.Floats("", m, 9, 16)
}

// mergedKernel is the 4×4 kernel [out,in,4,4] of block l.
func (n *network) mergedKernel(l model.Block, kernel string) string {
	w := n.Node("MatMul", nil, n.Node("Reshape", nil, kernel, n.shape(l.Out*l.In, 9)), n.mergedTaps(false))
	return n.Node("Reshape", nil, w, n.shape(l.Out, l.In, 4, 4))
}

// mergedConv convolves the doubled map of small's pieces: its even and odd rows and columns are
// convolutions of the small map with 2×2 of the taps.
func (n *network) mergedConv(l model.Block, small []*value, merged string) string {
	const low = -1 << 30
	h := small[0].h
	var rows [2]string
	for a := range 2 {
		var columns [2]string
		for b := range 2 {
			taps := n.Node("Slice", nil, merged, n.ints(int64(3-a), int64(3-b)), n.ints(low, low), n.ints(2, 3), n.ints(-2, -2))
			attrs := onnx.Attrs{"kernel_shape": []int{2, 2}, "pads": []int{1 - a, 1 - b, a, b}}
			columns[b] = n.convPieces(small, taps, l.Out, attrs, 2)
		}
		rows[a] = n.interleave(columns, n.batch*l.Out*h*h, 1)
	}
	return n.Node("Reshape", nil, n.interleave(rows, n.batch*l.Out*h, 2*h), n.shape(n.dims(l.Out, 2*h)...))
}

// interleave takes runs of the two maps in turn. A run is so many pixels, and there
// are so many in a plain map; in a blocked one a pixel is a block.
func (n *network) interleave(maps [2]string, runs, pixels int) string {
	lanes := max(1, n.block)
	for i, m := range maps {
		maps[i] = n.Node("Reshape", nil, m, n.shape(runs/lanes, 1, pixels*lanes))
	}
	return n.Node("Concat", onnx.Attrs{"axis": 1}, maps[:]...)
}

// mergedInputGrad is the gradient at a piece of the small map with its part of the 4×4
// kernel, given that at the convolution's output.
func (n *network) mergedInputGrad(l model.Block, piece *value, dy, merged string) string {
	back := n.Node("Transpose", onnx.Attrs{"perm": []int{1, 0, 2, 3}}, merged)
	attrs := onnx.Attrs{"kernel_shape": []int{4, 4}, "strides": []int{2, 2}, "pads": []int{1, 1, 1, 1}}
	return n.conv(dy, back, l.Out, piece.c, attrs, 4, "")
}

// mergedKernelGrad is the gradient of the 3×3 kernel, given that at the convolution's
// output. Of the 4×4 taps, those of one column are one product: dy's rows from −1 to
// 2 of each small row, stacked, with the small map moved by a column or not.
func (n *network) mergedKernelGrad(l model.Block, small []*value, dy string) string {
	if n.channelMajor {
		return n.mergedKernelGradStacked(l, small, dy)
	}
	even, odd := n.mergedRows(l, small[0].h, dy)
	var parts []string
	for _, x := range n.plains(small) {
		flat := func(name string) string { return n.flat(name, x.c) }
		var columns []string
		for _, pair := range [4][2]string{{odd, flat(n.right(x.name, 1))}, {even, flat(x.name)}, {odd, flat(x.name)}, {even, flat(n.right(x.name, -1))}} {
			columns = append(columns, n.Node("Reshape", nil, n.sumBatch(n.timesTransposed(pair[0], pair[1])), n.shape(4, l.Out, x.c, 1)))
		}
		parts = append(parts, n.join(3, columns))
	}
	d := n.Node("Transpose", onnx.Attrs{"perm": []int{1, 2, 0, 3}}, n.join(2, parts))
	d = n.Node("MatMul", nil, n.Node("Reshape", nil, d, n.shape(l.Out*l.In, 16)), n.mergedTaps(true))
	return n.Node("Reshape", nil, d, n.shape(l.Out, l.In, 3, 3))
}

// mergedRows are the rows 2i−1 to 2i+2 of dy for each row i of the small map, h rows,
// of its even columns and of its odd ones: batch × 4·out × h².
func (n *network) mergedRows(l model.Block, h int, dy string) (even, odd string) {
	var stacks [2]string
	for b := range stacks {
		var rows []string
		for t := range 4 {
			rows = append(rows, n.everySecond(l, h, dy, t, b))
		}
		stacks[b] = n.flat(n.Node("Concat", onnx.Attrs{"axis": 1}, rows...), 4*l.Out)
	}
	return stacks[0], stacks[1]
}

// everySecond are the rows 2i−1+t and columns 2j+b of dy, as a plain map. On blocked
// maps a convolution of each channel with one 1 picks them.
func (n *network) everySecond(l model.Block, h int, dy string, t, b int) string {
	if n.block == 0 {
		rows := n.Node("Slice", nil, dy, n.ints(int64(t+1)%2, int64(b)), n.ints(int64(2*h), int64(2*h)), n.ints(2, 3), n.ints(2, 2))
		return n.down(rows, []int64{1, 0, 0, -1}[t])
	}
	one := make([]float32, 8*l.Out)
	for c := range l.Out {
		one[((c/n.block*4+t)*2+b)*n.block+c%n.block] = 1
	}
	attrs := onnx.Attrs{"kernel_shape": []int{4, 2}, "strides": []int{2, 2}, "pads": []int{1, 0, 1, 0}, "group": l.Out}
	return n.toPlain(n.Node(nchwc+"Conv", attrs, dy, n.Floats("", one, l.Out, 1, 4, 2)), l.Out)
}
