package step

import (
	"slices"

	"dicomnode/model"
	"dicomnode/model/onnx"
)

// layout is how a network's maps lie in memory. Plain maps are batch×c×h×h or, where
// they are channel-major, c×batch×h×h; blocked ones see nchwc.
type layout struct {
	batch, block int
	channelMajor bool
}

// channels and images are the axes of a plain map's channels and images.
func (l layout) channels() int {
	if l.channelMajor {
		return 0
	}
	return 1
}

func (l layout) images() int { return 1 - l.channels() }

// dims are the dimensions of a map of c channels and h rows.
func (l layout) dims(c, h int) []int {
	if l.channelMajor {
		return []int{c, l.batch, h, h}
	}
	return []int{l.batch, c, h, h}
}

// perChannel are the dimensions of what has one value for each of c channels.
func (l layout) perChannel(c int) []int {
	if l.channelMajor {
		return []int{c, 1, 1, 1}
	}
	return []int{1, c, 1, 1}
}

// plainConv is a convolution of a plain map. inputs are the map, the kernel and perhaps
// the bias.
//
// ONNX Runtime's CPU provider gives each thread whole images of a batch: five images
// keep four threads busy for two rounds. It cuts a single volume evenly, and a
// channel-major map is one: as deep as there are images, with a kernel one image deep.
func (n *network) plainConv(attrs onnx.Attrs, inputs ...string) string {
	if !n.channelMajor {
		return n.Node("Conv", attrs, inputs...)
	}
	return n.Node("Squeeze", nil, n.volumeConv(attrs, inputs...), n.ints(0))
}

// volumeConv is plainConv's with one more dimension in front.
func (n *network) volumeConv(attrs onnx.Attrs, inputs ...string) string {
	deep := onnx.Attrs{}
	for name, v := range attrs {
		switch name {
		case "kernel_shape", "strides":
			deep[name] = slices.Insert(slices.Clone(v.([]int)), 0, 1)
		case "pads":
			pads := v.([]int)
			deep[name] = []int{0, pads[0], pads[1], 0, pads[2], pads[3]}
		default:
			deep[name] = v
		}
	}
	inputs = slices.Clone(inputs)
	inputs[0] = n.Node("Unsqueeze", nil, inputs[0], n.ints(0))
	inputs[1] = n.Node("Unsqueeze", nil, inputs[1], n.ints(2))
	return n.Node("Conv", deep, inputs...)
}

// affineMajor is affine on channel-major maps: a convolution of each channel with one
// number takes scale, shift and the ReLU, which ONNX Runtime merges into it, in one pass.
func (n *network) affineMajor(x string, c int, scale, shift, plus string, relu bool) string {
	inputs := []string{x, n.Node("Reshape", nil, scale, n.shape(c, 1, 1, 1))}
	if shift != "" {
		inputs = append(inputs, shift)
	}
	y := n.volumeConv(onnx.Attrs{"kernel_shape": []int{1, 1}, "group": c}, inputs...)
	if relu && plus == "" {
		y = n.Node("Relu", nil, y)
	}
	y = n.Node("Squeeze", nil, y, n.ints(0))
	if plus != "" {
		y = n.Node("Add", nil, y, plus)
		if relu {
			y = n.Node("Relu", nil, y)
		}
	}
	return y
}

// product is a times b transposed, [a.c, b.c], summed over all pixels of all images.
func (n *network) product(a, b *value) string {
	if !n.channelMajor {
		return n.sumBatch(n.timesTransposed(n.flat(a.name, a.c), n.flat(b.name, b.c)))
	}
	runs := n.runs(a.h)
	if runs == 1 {
		flat := func(v *value) string { return n.Node("Reshape", nil, v.name, n.shape(v.c, -1)) }
		return n.Node("Gemm", onnx.Attrs{"transB": 1}, flat(a), flat(b))
	}
	cut := func(v *value, perm ...int) string {
		return n.Node("Transpose", onnx.Attrs{"perm": perm}, n.Node("Reshape", nil, v.name, n.shape(v.c, runs, -1)))
	}
	return n.sumBatch(n.Node("MatMul", nil, cut(a, 1, 0, 2), cut(b, 1, 2, 0)))
}

// runs is into how many runs of pixels product cuts maps of h rows. Each is a product of
// its own for a thread; a single one whose inner dimension is that long keeps the threads
// busy with ordering the same operand. ONNX Runtime merges the transpositions into the
// product.
func (n *network) runs(h int) int {
	pixels := n.batch * h * h
	for _, runs := range []int{16, 8, 4} {
		if pixels%runs == 0 && pixels/runs >= 2500 {
			return runs
		}
	}
	return 1
}

// stack is a channel-major map whose channels are copies of x's, each moved by one of the
// taps of a convolution: those of x's first channel, in the order of the taps, then those
// of its second. h is the number of rows left. The copies come from a convolution of each
// channel with a single 1, which runs on every thread; Pad and Slice use one.
func (n *network) stack(x *value, h int, attrs onnx.Attrs, taps []int) *value {
	sides := attrs["kernel_shape"].([]int)
	size := sides[0] * sides[1]
	if size == 1 {
		return x
	}
	one := make([]float32, x.c*len(taps)*size)
	for i := range x.c * len(taps) {
		one[i*size+taps[i%len(taps)]] = 1
	}
	kernel := n.Floats("", one, x.c*len(taps), 1, sides[0], sides[1])
	attrs["group"] = x.c
	return &value{name: n.plainConv(attrs, x.name, kernel), c: x.c * len(taps), h: h}
}

// upTo are the numbers from 0 to count−1, forth and back.
func upTo(count int) (forth, back []int) {
	for i := range count {
		forth, back = append(forth, i), append(back, count-1-i)
	}
	return forth, back
}

// kernelGradStacked is kernelGrad on channel-major maps: the product of dy's copies moved
// by rows with x's moved by columns or, if those are no more, of dy with x's moved by both.
func (n *network) kernelGradStacked(l model.Block, pieces []*value, dy string) string {
	before, after := l.Pads()
	rows := &value{name: dy, c: l.Out, h: pieces[0].h}
	forth, back := upTo(l.Side)
	attrs := func() onnx.Attrs {
		return onnx.Attrs{"kernel_shape": []int{1, l.Side}, "pads": []int{0, before, 0, after}}
	}
	if l.Side*l.In <= l.In+l.Out {
		attrs = func() onnx.Attrs { return same(l.Side, before, after) }
		forth, _ = upTo(l.Side * l.Side)
	} else {
		rows = n.stack(rows, rows.h, onnx.Attrs{"kernel_shape": []int{l.Side, 1}, "pads": []int{after, 0, before, 0}}, back)
	}
	var parts []string
	for _, x := range pieces {
		columns := n.stack(x, x.h, attrs(), forth)
		parts = append(parts, n.Node("Reshape", nil, n.product(rows, columns), n.shape(l.Out, rows.c/l.Out, x.c, columns.c/x.c)))
	}
	d := n.Node("Transpose", onnx.Attrs{"perm": []int{0, 2, 1, 3}}, n.join(2, parts))
	return n.Node("Reshape", nil, d, n.shape(l.Out, l.In, l.Side, l.Side))
}

// mergedKernelGradStacked is mergedKernelGrad on channel-major maps.
func (n *network) mergedKernelGradStacked(l model.Block, small []*value, dy string) string {
	h := small[0].h
	all, _ := upTo(16)
	attrs := onnx.Attrs{"kernel_shape": []int{4, 4}, "strides": []int{2, 2}, "pads": []int{1, 1, 1, 1}}
	taps := n.stack(&value{name: dy, c: l.Out, h: 2 * h}, h, attrs, all)
	var parts []string
	for _, x := range small {
		parts = append(parts, n.Node("Reshape", nil, n.product(taps, x), n.shape(l.Out, 16, x.c)))
	}
	d := n.Node("Transpose", onnx.Attrs{"perm": []int{0, 2, 1}}, n.join(2, parts))
	w := n.Node("MatMul", nil, n.Node("Reshape", nil, d, n.shape(l.Out*l.In, 16)), n.mergedTaps(true))
	return n.Node("Reshape", nil, w, n.shape(l.Out, l.In, 3, 3))
}
