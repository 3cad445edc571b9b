package step

import (
	"dicomnode/model"
	"dicomnode/model/onnx"
)

// param is a parameter inside the graph.
type param struct {
	value string // cut out of the flat vector
	grad  string // set by the backward sweep
}

var _ model.Builder[*value] = (*network)(nil)

// value is a feature map in the graph: c channels of h×h for each image of the batch. grads collects the gradients
// that its consumers send back.
type value struct {
	name  string // see nameOf
	c, h  int
	grads []string
	small *value   // of a map that Up makes
	parts []*value // of one that Concat makes
}

// nameOf is v's name. The map that Up or Concat makes is made when it is first asked
// for: a convolution can do without.
func (n *network) nameOf(v *value) string {
	switch {
	case v.name != "":
	case v.small != nil:
		v.name = n.double(n.nameOf(v.small), v.c, v.h)
	default:
		v.name = n.join(n.channels(), n.namesOf(v.parts))
	}
	return v.name
}

func (n *network) namesOf(list []*value) []string {
	var names []string
	for _, v := range list {
		names = append(names, n.nameOf(v))
	}
	return names
}

// join concatenates along an axis.
func (n *network) join(axis int, parts []string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return n.Node("Concat", onnx.Attrs{"axis": axis}, parts...)
}

// pieces are the maps that v's channels are those of, one after the other.
func (v *value) pieces(apart bool) []*value {
	if v.parts == nil || apart {
		return []*value{v}
	}
	return v.parts
}

// network builds forward nodes and records, in tape, how to build the backward
// nodes; sweep runs the tape from the end.
type network struct {
	*model.Resampler
	layout
	net    model.Network
	apart  bool   // see shapeOf
	suffix string // of the names of the step's values, see name
	params map[string]*param
	tape   []func()
	means  []string // batch mean of each block, [c]
	vars   []string // batch variance (biased) of each block, [c]
}

// name is that of one of the step's values, stepInputs and stepOutputs, in the
// graph at hand: inside a loop they have a suffix.
func (n *network) name(value string) string { return value + n.suffix }

func (n *network) ints(v ...int64) string { return n.Ints("", v, len(v)) }
func (n *network) scalar(v float32) string {
	return n.Floats("", []float32{v}, 1)
}

// split cuts the flat vector into the network's parameters.
func (n *network) split(flat string) {
	list := n.net.Parameters()
	sizes := make([]int64, len(list))
	for i, p := range list {
		sizes[i] = int64(p.Len)
	}
	parts := n.NodeN(len(sizes), "Split", onnx.Attrs{"axis": 0}, flat, n.ints(sizes...))
	n.params = map[string]*param{}
	for i, p := range list {
		n.params[p.Name] = &param{value: n.Node("Reshape", nil, parts[i], n.shape(p.Dims...))}
	}
}

func (n *network) shape(dims ...int) string {
	v := make([]int64, len(dims))
	for i, d := range dims {
		v[i] = int64(d)
	}
	return n.ints(v...)
}

// sweep builds the backward nodes; the gradients of the outputs must be set.
func (n *network) sweep() {
	for i := len(n.tape) - 1; i >= 0; i-- {
		n.tape[i]()
	}
}

// gradOf sums what the consumers of v sent back.
func (n *network) gradOf(v *value) string {
	sum := v.grads[0]
	for _, g := range v.grads[1:] {
		sum = n.Node("Add", nil, sum, g)
	}
	v.grads = []string{sum}
	return sum
}
