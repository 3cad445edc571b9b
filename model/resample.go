package model

import "dicomnode/model/onnx"

// Resampler adds the nodes that change the resolution of a feature map to a
// graph. Maps are square, batch×channels×size×size. The inference graph and the
// training step are made with the same nodes.
type Resampler struct {
	*onnx.Graph
	// Scales is the constant 1×1×2×2 of Double; empty: made when first needed.
	Scales string
	order  map[int]string // by size, see First
}

var half = onnx.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}

// Halve takes the maximum of each 2×2 values of x, a map of the given size: the
// result has ⌈size/2⌉. The last row and column of an odd size are taken alone.
func (r *Resampler) Halve(x string, size int) string {
	if size%2 == 0 {
		return r.Node("MaxPool", half, x)
	}
	return r.Node("MaxPool", onnx.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}, "pads": []int{0, 0, 1, 1}}, x)
}

// Double repeats each value of x 2×2 and keeps the first size rows and columns;
// x has ⌈size/2⌉.
func (r *Resampler) Double(x string, size int) string {
	if r.Scales == "" {
		r.Scales = r.Floats("", []float32{1, 1, 2, 2}, 4)
	}
	y := r.Node("Resize", onnx.Attrs{"mode": "nearest", "nearest_mode": "floor",
		"coordinate_transformation_mode": "asymmetric"}, x, "", r.Scales)
	return r.cut(y, size)
}

// cut keeps the first size rows and columns of a map that has as many or, when
// size is odd, one more.
func (r *Resampler) cut(x string, size int) string {
	if size%2 == 0 {
		return x
	}
	n := int64(size)
	return r.Node("Slice", nil, x, r.Ints("", []int64{0, 0}, 2), r.Ints("", []int64{n, n}, 2), r.Ints("", []int64{2, 3}, 2))
}

// SameMaximum is how close to a maximum a value counts as equal to it; outputs of blocks are
// about one. Without it rounding, which differs between processors, would select the place in
// flat parts of a picture, and change the result there.
const SameMaximum = 1e-4

// First marks where halved, made from x by Halve, has its maxima: a map of booleans like x with
// one true value in each 2×2. Of equal maxima the first in row-major order counts, as in
// pooling that records indices: after a ReLU whole squares are often zero.
func (r *Resampler) First(x, halved string, size int) string {
	zero := r.Floats("", []float32{0}, 1)
	least := r.Node("Sub", nil, halved, r.Floats("", []float32{SameMaximum}, 1))
	ranks := r.Node("Where", nil, r.Node("GreaterOrEqual", nil, x, r.Double(least, size)), r.ranks(size), zero)
	return r.Node("Equal", nil, ranks, r.Double(r.Halve(ranks, size), size))
}

// ranks is a 1×1×size×size map that falls in row-major order within each 2×2.
func (r *Resampler) ranks(size int) string {
	if name, ok := r.order[size]; ok {
		return name
	}
	if r.order == nil {
		r.order = map[int]string{}
	}
	times := int64((size + 1) / 2)
	square := r.Floats("", []float32{4, 3, 2, 1}, 1, 1, 2, 2)
	r.order[size] = r.cut(r.Node("Tile", nil, square, r.Ints("", []int64{1, 1, times, times}, 4)), size)
	return r.order[size]
}
