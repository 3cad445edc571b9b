// Package model is XNet, the network that segments a radiograph into open beam, soft tissue and
// bone (Bullock, Cuesta-Lázaro and Quera-Bofarull, SPIE 2019), and two networks for comparison:
// their layers, their weights, the bundle file with the model card, and sessions that run it on
// ONNX Runtime. It neither makes the network's input from pixels nor interprets its output, and
// it does not train.
package model

// Size is the number of rows and of columns of the input and the output.
const Size = 200

// numClasses is the number of output channels; their order is that of the card's classes.
const numClasses = 3

// Epsilon is added to the variance by every batch normalisation.
const Epsilon = 1e-3

// xnet is the paper's network: two encoders and decoders, the second from half
// resolution.
var xnet = []step{
	conv("a1", input, 1),
	pool("a1 pooled", "a1"),
	conv("a2", "a1 pooled", 2),
	pool("a2 pooled", "a2"),
	conv("a3", "a2 pooled", 4),
	pool("a3 pooled", "a3"),
	conv("a4", "a3 pooled", 8),
	conv("a5", "a4", 8),
	up("a5 up", "a5", "a3"),
	conv("a6", "a5 up", 4),
	concat("a3 a6", "a3", "a6"),
	up("a3 a6 up", "a3 a6", "a2"),
	conv("a7", "a3 a6 up", 2),

	concat("a2 a7", "a2", "a7"),
	conv("a8", "a2 a7", 2),
	pool("a8 pooled", "a8"),
	conv("a9", "a8 pooled", 4),
	pool("a9 pooled", "a9"),
	conv("a10", "a9 pooled", 8),
	conv("a11", "a10", 8),
	up("a11 up", "a11", "a9"),
	conv("a12", "a11 up", 4),
	concat("a9 a12", "a9", "a12"),
	up("a9 a12 up", "a9 a12", "a8"),
	conv("a13", "a9 a12 up", 2),
	concat("a8 a13", "a8", "a13"),
	up("a8 a13 up", "a8 a13", "a1"),
	conv("a14", "a8 a13 up", 1),
	concat("a1 a14", "a1", "a14"),
}

// xnetDeep is XNet with one more level below each of its two bottoms, at 13×13. The
// paper's network sees about 130 of the 200 pixels around a place; this one sees them
// all, which the inside of a broad unexposed border needs. What is new is joined behind
// what was there, see Deepen.
var xnetDeep = deepened(deepened(xnet, "a5"), "a11")

// deepened puts a level below a block, whose map is doubled next.
func deepened(steps []step, bottom string) []step {
	var list []step
	for _, s := range steps {
		if s.name == bottom+" up" {
			list = append(list,
				pool(bottom+" pooled", bottom),
				conv(bottom+" deep1", bottom+" pooled", 8),
				conv(bottom+" deep2", bottom+" deep1", 8),
				up(bottom+" deep2 up", bottom+" deep2", bottom),
				concat(bottom+" deep", bottom, bottom+" deep2 up"))
			s.args = append([]string{bottom + " deep"}, s.args[1:]...)
		}
		list = append(list, s)
	}
	return list
}
