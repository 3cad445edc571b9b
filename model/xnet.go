// Package model is XNet, the network that tells open beam, soft tissue and bone
// apart in a radiograph (Bullock, Cuesta-Lázaro and Quera-Bofarull, SPIE 2019):
// its layers, its weights, the bundle file that carries them with a model card,
// and sessions that run it on ONNX Runtime. It neither makes the network's input
// from pixels nor interprets its output, and it does not train.
package model

import "fmt"

// Size is the number of rows and of columns of the input and the output.
const Size = 200

// The classes, in the order of the output's channels.
const (
	OpenBeam = iota
	SoftTissue
	Bone
	numClasses
)

// Epsilon is added to the variance by every batch normalisation.
const Epsilon = 1e-3

// Network is XNet at one width. Its input is 1×1×200×200 float32 in [−1, 1],
// its output 1×3×200×200 float32: the probability of each class at each pixel.
type Network struct {
	// Width is the number of filters at full resolution: 64 in the paper.
	Width int
}

// The widths a Network may have.
const (
	minWidth = 1
	maxWidth = 128
)

// XNet is the network of the given width; CheckWidth says which there are.
func XNet(width int) Network { return Network{Width: width} }

// CheckWidth refuses widths outside 1 to 128.
func CheckWidth(width int) error {
	if width < minWidth || width > maxWidth {
		return fmt.Errorf("check width: %d is not between %d and %d", width, minWidth, maxWidth)
	}
	return nil
}

// Block is convolution 3×3 (same padding, no bias), batch normalisation, ReLU.
type Block struct {
	Index   int    // 0 to 13, the order of evaluation
	Name    string // a1 to a14
	In, Out int    // channels
	Divisor int    // the block works at 1/Divisor of the input's rows and columns
}

// blocks is XNet's layer table for width 1; In and Out of every block but the
// first input grow with the width.
var blocks = []Block{
	{Name: "a1", In: 0, Out: 1, Divisor: 1},
	{Name: "a2", In: 1, Out: 2, Divisor: 2},
	{Name: "a3", In: 2, Out: 4, Divisor: 4},
	{Name: "a4", In: 4, Out: 8, Divisor: 8},
	{Name: "a5", In: 8, Out: 8, Divisor: 8},
	{Name: "a6", In: 8, Out: 4, Divisor: 4},
	{Name: "a7", In: 8, Out: 2, Divisor: 2},
	{Name: "a8", In: 4, Out: 2, Divisor: 2},
	{Name: "a9", In: 2, Out: 4, Divisor: 4},
	{Name: "a10", In: 4, Out: 8, Divisor: 8},
	{Name: "a11", In: 8, Out: 8, Divisor: 8},
	{Name: "a12", In: 8, Out: 4, Divisor: 4},
	{Name: "a13", In: 8, Out: 2, Divisor: 2},
	{Name: "a14", In: 4, Out: 1, Divisor: 1},
}

// Blocks is the layer table in the order of evaluation.
func (n Network) Blocks() []Block {
	list := make([]Block, len(blocks))
	for i, b := range blocks {
		b.Index, b.In, b.Out = i, b.In*n.Width, b.Out*n.Width
		if i == 0 {
			b.In = 1 // one grey channel at every width
		}
		list[i] = b
	}
	return list
}

// Builder makes feature maps of type T: nodes of a graph, or arrays.
type Builder[T any] interface {
	// Block applies b to x.
	Block(b Block, x T) T
	// Pool halves rows and columns by the maximum of 2×2.
	Pool(x T) T
	// Up doubles rows and columns by repeating each value 2×2.
	Up(x T) T
	// Concat joins the channels of a and b.
	Concat(a, b T) T
}

// Build wires XNet from x to the 2·Width channels the output convolution reads.
// Inference, training and the tests' reference all go through it.
func Build[T any](n Network, b Builder[T], x T) T {
	l := n.Blocks()
	// First encoder and decoder.
	a1 := b.Block(l[0], x)
	a2 := b.Block(l[1], b.Pool(a1))
	a3 := b.Block(l[2], b.Pool(a2))
	a4 := b.Block(l[3], b.Pool(a3))
	a5 := b.Block(l[4], a4)
	a6 := b.Block(l[5], b.Up(a5))
	a7 := b.Block(l[6], b.Up(b.Concat(a3, a6)))
	// Second encoder and decoder, from half resolution.
	a8 := b.Block(l[7], b.Concat(a2, a7))
	a9 := b.Block(l[8], b.Pool(a8))
	a10 := b.Block(l[9], b.Pool(a9))
	a11 := b.Block(l[10], a10)
	a12 := b.Block(l[11], b.Up(a11))
	a13 := b.Block(l[12], b.Up(b.Concat(a9, a12)))
	a14 := b.Block(l[13], b.Up(b.Concat(a8, a13)))
	return b.Concat(a1, a14)
}
