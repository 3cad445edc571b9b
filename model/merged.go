package model

import "dicomnode/model/onnx"

// merged builds nodes that compute the same with fewer operations. A 3×3 convolution of an
// up-sampled map uses each value of the small map up to four times. Summing the kernel taps for
// the same value gives a 2×2 convolution of the small map for each of the four kinds of output
// pixel (even and odd rows and columns): 16 products for 2×2 pixels instead of 36, without
// making the up-sampled map.
type merged struct{ inference }

var _ Builder[plane] = merged{}

// sessionGraph writes the graph that sessions run, of a batch of pictures. It computes what a
// bundle's does, but for rounding.
func (w Weights) sessionGraph(batch int) *onnx.Graph {
	w.Half = false // in memory only
	return w.write(batch, func(b inference) Builder[plane] { return merged{b} })
}

func (m merged) Up(x, like plane) plane { return plane{small: m.nameOf(x), size: like.size} }

func (m merged) Block(l Block, x plane) plane {
	if x.small == "" || l.Side != 3 || l.Linear || x.size%2 != 0 {
		return m.inference.Block(l, x)
	}
	normalise, arrays := m.normalisation(l)
	half := x.size / 2
	var rows [2]string
	for r := range rows {
		var columns [2]string
		for c := range columns {
			y := m.Node("BatchNormalization", normalise, append([]string{m.quarter(l, x.small, r, c)}, arrays...)...)
			columns[c] = m.Node("Relu", nil, y)
		}
		rows[r] = m.interleave(columns, l.Out*half*half, 1)
	}
	y := m.Node("Reshape", nil, m.interleave(rows, l.Out*half, x.size), m.ints(m.batch, l.Out, x.size, x.size))
	return plane{name: y, size: x.size}
}

// quarter convolves the doubled small map at rows 2i+r and columns 2j+c.
func (m merged) quarter(l Block, small string, r, c int) string {
	kernel := m.Floats("", quarterKernel(m.weights.Arrays[l.Kernel()], r, c), l.Out, l.In, 2, 2)
	return m.Node("Conv", onnx.Attrs{"kernel_shape": []int{2, 2}, "pads": []int{1 - r, 1 - c, r, c}}, small, kernel)
}

// quarterKernel sums the taps of 3×3 kernels that meet the same value of the small
// map, for output pixels at rows 2i+r and columns 2j+c. The sums meet its rows i−1+r
// and i+r, and columns likewise.
func quarterKernel(kernels []float32, r, c int) []float32 {
	out := make([]float32, len(kernels)/9*4)
	for i, v := range kernels {
		tap := i % 9
		row, column := (r+tap/3+1)/2-r, (c+tap%3+1)/2-c
		out[i/9*4+row*2+column] += v
	}
	return out
}

// interleave takes runs of so many values of the two maps in turn; each has so many
// runs of a picture.
func (m merged) interleave(maps [2]string, runs, values int) string {
	if runs *= m.batch; m.batch == anyBatch {
		runs = -1 // as many as there are
	}
	for i, x := range maps {
		maps[i] = m.Node("Reshape", nil, x, m.ints(runs, 1, values))
	}
	return m.Node("Concat", onnx.Attrs{"axis": 1}, maps[:]...)
}

func (m merged) ints(v ...int) string {
	list := make([]int64, len(v))
	for i, n := range v {
		list[i] = int64(n)
	}
	return m.Ints("", list, len(list))
}
