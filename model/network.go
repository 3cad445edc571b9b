package model

import (
	"fmt"
	"slices"
	"strings"
)

// Network is one architecture at one width. Its input is 1×1×200×200 float32 in
// [−1, 1], its output 1×3×200×200 float32: the probability of each class at each
// pixel.
type Network struct {
	// Architecture is one of Architectures.
	Architecture string
	// Width is the number of filters at full resolution: 64 in the papers.
	Width int
}

// architecture is one row of the table of networks.
type architecture struct {
	name, title string
	maxWidth    int // the greatest power of two whose weights fit MaxBundle, at most 128
	steps       []step
}

var architectures = []architecture{
	{"xnet", "XNet", 128, xnet},
	{"xnet-deep", "Deep XNet", 64, xnetDeep},
	{"segnet-basic", "SegNet-Basic", 128, segNetBasic},
	{"segnet-simple", "simple SegNet", 128, segNetSimple},
	{"u-net", "U-Net", 64, uNet},
}

// XNet is the network of the given width; Check validates the width.
func XNet(width int) Network { return Network{"xnet", width} }

// Architectures lists the names that a Network, and so a card, may have.
func Architectures() []string {
	var names []string
	for _, a := range architectures {
		names = append(names, a.name)
	}
	return names
}

// find is the row of the network's architecture; an unknown architecture has no steps.
func (n Network) find() architecture {
	i := slices.IndexFunc(architectures, func(a architecture) bool { return a.name == n.Architecture })
	if i < 0 {
		return architecture{}
	}
	return architectures[i]
}

// Check refuses unknown architectures, and widths below 1 or above what the
// architecture allows.
func (n Network) Check() error {
	a := n.find()
	if a.name == "" {
		return fmt.Errorf("check network: architecture is %.40q, want one of %s", n.Architecture, strings.Join(Architectures(), ", "))
	}
	if n.Width < 1 || n.Width > a.maxWidth {
		return fmt.Errorf("check network: width %d of %s is not between 1 and %d", n.Width, a.name, a.maxWidth)
	}
	return nil
}

// String is the usual name of the network, such as XNet-16.
func (n Network) String() string { return fmt.Sprintf("%s-%d", n.find().title, n.Width) }

// Block is convolution (same padding, no bias), batch normalisation, ReLU.
type Block struct {
	Index   int    // 0, 1, …: the order of evaluation
	Name    string // of its arrays
	In, Out int    // channels
	Side    int    // rows and columns of the kernel
	Linear  bool   // without the ReLU
}

// Pads is how many rows and columns of zeros the convolution adds before and
// after the map so that its size stays the same.
func (b Block) Pads() (before, after int) { return (b.Side - 1) / 2, b.Side / 2 }

// Blocks is the list of convolution blocks in the order of evaluation.
func (n Network) Blocks() []Block {
	var list []Block
	for _, l := range n.layers() {
		if l.op == opConv {
			list = append(list, l.block)
		}
	}
	return list
}

// Features is the number of channels that the output convolution reads.
func (n Network) Features() int {
	layers := n.layers()
	if len(layers) == 0 {
		return 0
	}
	return layers[len(layers)-1].channels
}

// Builder makes feature maps of type T: nodes of a graph, or arrays.
type Builder[T any] interface {
	// Block applies b to x.
	Block(b Block, x T) T
	// Pool halves rows and columns by the maximum of 2×2. A last odd row or
	// column is pooled alone.
	Pool(x T) T
	// Up doubles rows and columns by repeating each value 2×2, without the
	// last ones where like has an odd number.
	Up(x, like T) T
	// Unpool doubles x to the size of full: each value goes to the place where
	// pooled, made from full by Pool, found its maximum (the first in row-major
	// order of those that differ by at most SameMaximum), all others are zero.
	Unpool(x, full, pooled T) T
	// Concat joins the channels of a and b.
	Concat(a, b T) T
}

// Build applies the layers of n to x and returns the maps that the output convolution reads.
// Inference, training and the tests' reference all use it.
func Build[T any](n Network, b Builder[T], x T) T {
	results := map[string]T{input: x}
	for _, l := range n.layers() {
		x = apply(b, l, results)
		results[l.name] = x
	}
	return x
}

func apply[T any](b Builder[T], l layer, results map[string]T) T {
	arg := func(i int) T { return results[l.args[i]] }
	switch l.op {
	case opConv:
		return b.Block(l.block, arg(0))
	case opPool:
		return b.Pool(arg(0))
	case opUp:
		return b.Up(arg(0), arg(1))
	case opUnpool:
		return b.Unpool(arg(0), arg(1), arg(2))
	default:
		return b.Concat(arg(0), arg(1))
	}
}
