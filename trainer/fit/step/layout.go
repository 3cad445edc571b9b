package step

import (
	"dicomnode/model"
	"dicomnode/model/onnx"
)

// nchwc is ONNX Runtime's private domain of operators on blocked maps. A blocked
// map is declared batch×c×h×h like any other, but lies in memory as
// batch × c/block × h × h × block: what the convolution kernels of its CPU
// provider want, and make of a plain map themselves only when the kernels are
// constants, which they are not while training.
const nchwc = "com.microsoft.nchwc:"

// suits reports whether every map of net can be blocked.
func suits(net model.Network, block int) bool {
	for _, l := range net.Blocks() {
		if l.Out%block != 0 || l.In%block != 0 && l.In >= block {
			return false
		}
	}
	return true
}

// toPlain and toBlocked change the layout of a map of c channels, if the network
// is blocked.
func (n *network) toPlain(x string, c int) string {
	if n.block == 0 {
		return x
	}
	return n.Node(nchwc+"ReorderOutput", onnx.Attrs{"channels": c}, x)
}

func (n *network) toBlocked(x string) string {
	if n.block == 0 {
		return x
	}
	return n.Node(nchwc+"ReorderInput", nil, x)
}

// conv convolves x with a kernel [out,in,side,side] and adds the map plus, if there
// is one.
func (n *network) conv(x, kernel string, in, out int, attrs onnx.Attrs, side int, plus string) string {
	if n.block != 0 {
		inputs := []string{x, n.blockKernel(kernel, in, out, side), "", plus}
		if plus == "" {
			inputs = inputs[:2]
		}
		return n.Node(nchwc+"Conv", attrs, inputs...)
	}
	y := n.plainConv(attrs, x, kernel)
	if plus != "" {
		y = n.Node("Add", nil, y, plus)
	}
	return y
}

// convPieces is the sum of the convolutions of the pieces with their channels of a
// kernel [out,in,side,side].
func (n *network) convPieces(pieces []*value, kernel string, out int, attrs onnx.Attrs, side int) (y string) {
	for i, k := range n.cut(kernel, pieces) {
		y = n.conv(n.nameOf(pieces[i]), k, pieces[i].c, out, attrs, side, y)
	}
	return y
}

// cut cuts a kernel's input channels into those of the pieces.
func (n *network) cut(kernel string, pieces []*value) []string {
	if len(pieces) == 1 {
		return []string{kernel}
	}
	var sizes []int
	for _, p := range pieces {
		sizes = append(sizes, p.c)
	}
	return n.NodeN(len(pieces), "Split", onnx.Attrs{"axis": 1}, kernel, n.shape(sizes...))
}

// plains are the maps in the plain layout; the picture is in it already.
func (n *network) plains(pieces []*value) []*value {
	var list []*value
	for _, p := range pieces {
		name := n.nameOf(p)
		if p.c > 1 {
			name = n.toPlain(name, p.c)
		}
		list = append(list, &value{name: name, c: p.c, h: p.h})
	}
	return list
}

// blockKernel orders a kernel [out,in,side,side] as the blocked convolution reads
// it: out/block × in/block × side × side × block of in × block of out. A plain
// input with fewer channels than a block is not blocked: out/block × in × side ×
// side × block of out.
func (n *network) blockKernel(kernel string, in, out, side int) string {
	b := n.block
	split, perm := n.shape(out/b, b, in/b, b, side, side), []int{0, 2, 4, 5, 3, 1}
	if in < b {
		split, perm = n.shape(out/b, b, in, side, side), []int{0, 2, 3, 4, 1}
	}
	w := n.Node("Transpose", onnx.Attrs{"perm": perm}, n.Node("Reshape", nil, kernel, split))
	return n.Node("Reshape", nil, w, n.shape(out, in, side, side))
}

// affine is scale·x + shift + plus for each of c channels; scale and shift are
// [c], plus is a map like x, each of the last two may be "". On blocked maps it
// is one pass: a convolution of each channel with one number.
func (n *network) affine(x string, c int, scale, shift, plus string, relu bool) string {
	if n.block != 0 {
		attrs := onnx.Attrs{"kernel_shape": []int{1, 1}, "group": c}
		if relu {
			attrs["activation"] = "Relu"
		}
		if scale == "" {
			scale = n.ones(c)
		}
		inputs := []string{x, n.Node("Reshape", nil, scale, n.shape(c, 1, 1, 1)), shift, plus}
		for inputs[len(inputs)-1] == "" {
			inputs = inputs[:len(inputs)-1]
		}
		return n.Node(nchwc+"Conv", attrs, inputs...)
	}
	if n.channelMajor && scale != "" {
		return n.affineMajor(x, c, scale, shift, plus, relu)
	}
	perChannel := func(op, v string) {
		if v != "" {
			x = n.Node(op, nil, x, n.Node("Reshape", nil, v, n.shape(n.perChannel(c)...)))
		}
	}
	perChannel("Mul", scale)
	perChannel("Add", shift)
	if plus != "" {
		x = n.Node("Add", nil, x, plus)
	}
	if relu {
		x = n.Node("Relu", nil, x)
	}
	return x
}

func (n *network) ones(c int) string {
	v := make([]float32, c)
	for i := range v {
		v[i] = 1
	}
	return n.Floats("", v, c)
}

// channelSum is the sum [c] of each channel of a map of h rows; of its squares,
// if squares is set. It goes by stages: one sum over 200×200×batch float32 values
// loses a digit.
func (n *network) channelSum(x string, c, h int, squares bool) string {
	b := n.block
	rows, axis := n.shape(n.batch*c*h, h), 1
	if b != 0 {
		rows = n.shape(n.batch*c/b*h, h, b)
	}
	x = n.Node("Reshape", nil, x, rows)
	if squares {
		x = n.Node("ReduceSumSquare", onnx.Attrs{"axes": []int{axis}, "keepdims": 0}, x)
	} else {
		x = n.sumOver(x, axis)
	}
	if n.channelMajor {
		return n.sumOver(n.Node("Reshape", nil, x, n.shape(c, n.batch*h)), 1)
	}
	if b == 0 {
		return n.sumOver(n.Node("Reshape", nil, x, n.shape(n.batch, c, h)), 0, 2)
	}
	x = n.sumOver(n.Node("Reshape", nil, x, n.shape(n.batch*c/b, h, b)), 1)
	return n.sumOver(n.Node("Reshape", nil, x, n.shape(n.batch, c)), 0)
}

func (n *network) sumOver(x string, axes ...int) string {
	return n.Node("ReduceSum", onnx.Attrs{"keepdims": 0}, x, n.shape(axes...))
}

// halve, double and average2 are the resamplings in the network's layout. ONNX
// Runtime's blocked operators know no odd sizes here: those go the plain way.
func (n *network) halve(x *value) string {
	if n.block == 0 || x.h%2 != 0 {
		return n.toBlocked(n.Halve(n.toPlain(n.nameOf(x), x.c), x.h))
	}
	return n.Node(nchwc+"MaxPool", squares2, n.nameOf(x))
}

// double makes a map of h rows of x, which has c channels and ⌈h/2⌉ rows.
func (n *network) double(x string, c, h int) string {
	if n.channelMajor && h%2 == 0 {
		half := n.interleave([2]string{x, x}, n.batch*c*h*h/4, 1)
		return n.Node("Reshape", nil, n.interleave([2]string{half, half}, n.batch*c*h/2, h), n.shape(n.dims(c, h)...))
	}
	if n.block == 0 || h%2 != 0 {
		return n.toBlocked(n.Double(n.toPlain(x, c), h))
	}
	return n.Node(nchwc+"Upsample", onnx.Attrs{"scales": []int{1, 1, 2, 2}, "mode": "nearest"}, x)
}

// withDouble applies op to x, a map of c channels and h rows, and the doubled half. The
// standard operators repeat a row while they read it.
func (n *network) withDouble(op, x, half string, c, h int) string {
	if !n.channelMajor || h%2 != 0 {
		return n.Node(op, nil, x, n.double(half, c, h))
	}
	pairs := n.batch * c * h / 2
	wide := n.Node("Reshape", nil, n.interleave([2]string{half, half}, pairs*h/2, 1), n.shape(pairs, 1, h))
	y := n.Node(op, nil, n.Node("Reshape", nil, x, n.shape(pairs, 2, h)), wide)
	return n.Node("Reshape", nil, y, n.shape(n.dims(c, h)...))
}

// average2 is the mean of each 2×2 of a map with an even number of rows.
func (n *network) average2(x string) string {
	if n.block == 0 {
		return n.Node("AveragePool", squares2, x)
	}
	return n.Node(nchwc+"AveragePool", squares2, x)
}

var squares2 = onnx.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}
