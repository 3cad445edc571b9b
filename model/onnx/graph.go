// Package onnx writes ONNX models and reads back what it wrote: graph
// interface, nodes, initializers and metadata (onnx.proto, IR version 8, default
// operator set 17). It knows the file format only: it neither checks operator
// semantics nor infers shapes; ONNX Runtime does that when a session is made.
package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/x448/float16"
)

// ElemType is TensorProto.DataType.
type ElemType int32

// The element types this project uses.
const (
	Float32 ElemType = 1
	Int64   ElemType = 7
	Bool    ElemType = 9
	Float16 ElemType = 10
)

const (
	irVersion    = 8  // ONNX 1.12, the release of operator set 17
	opsetDefault = 17 // domain ""
	opsetOther   = 1  // com.microsoft and its kin count from 1
	producer     = "dicomnode"
)

// Attrs holds a node's attributes: int, int64, bool (as 0 or 1), float32,
// float64, string, []int, []int64, []float32 or *Graph, one that Body made.
type Attrs map[string]any

// Graph collects inputs, constants, nodes and outputs in the order of the
// calls. Its bytes are a function of the calls alone. Misuse that only a
// programming error can cause (an attribute of an unknown type, a constant
// whose length is not the product of its dimensions) panics.
type Graph struct {
	name                string
	nodes, initializers []message
	inputs, outputs     []message
	domains             []string
	taken               map[string]bool
	counter             int
	integers            map[string]string // anonymous integer constants, by content
	outer               *Graph            // of a body
}

// NewGraph starts an empty graph.
func NewGraph(name string) *Graph {
	return &Graph{name: name, taken: map[string]bool{}, integers: map[string]string{}}
}

// Body starts a graph that becomes an attribute of one of g's nodes, as Loop's body.
// Its nodes may use g's values, and no value of it is called as one of g's.
func (g *Graph) Body(name string) *Graph {
	return &Graph{name: name, taken: g.taken, integers: map[string]string{}, outer: g}
}

// Input declares a graph input and returns its name. A negative dimension is
// left open (named "N").
func (g *Graph) Input(name string, t ElemType, dims ...int) string {
	g.claim(name)
	g.inputs = append(g.inputs, valueInfo(name, t, dims))
	return name
}

// Output declares that the value name, made by a node, is a graph output.
func (g *Graph) Output(name string, t ElemType, dims ...int) {
	g.outputs = append(g.outputs, valueInfo(name, t, dims))
}

// Floats adds a float32 constant in row-major order and returns its name; an
// empty name gets a fresh one. Without dims the constant is a vector.
func (g *Graph) Floats(name string, values []float32, dims ...int) string {
	raw := make([]byte, 0, 4*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return g.constant(name, Float32, raw, len(values), dims)
}

// Halves is like Floats, for a constant that is stored in half precision.
func (g *Graph) Halves(name string, values []float32, dims ...int) string {
	raw := make([]byte, 0, 2*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint16(raw, float16.Fromfloat32(v).Bits())
	}
	return g.constant(name, Float16, raw, len(values), dims)
}

// Ints adds an int64 constant and returns its name; an empty name gets a fresh
// one, shared by equal constants. Without dims the constant is a vector.
func (g *Graph) Ints(name string, values []int64, dims ...int) string {
	key := fmt.Sprint(values, dims)
	if known, ok := g.integers[key]; ok && name == "" {
		return known
	}
	raw := make([]byte, 0, 8*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	made := g.constant(name, Int64, raw, len(values), dims)
	if name == "" {
		g.integers[key] = made
	}
	return made
}

// Node adds a node with one output and returns the output's fresh name. op is
// "Op" of the default domain or "domain:Op". An empty input name leaves that
// optional input out.
func (g *Graph) Node(op string, attrs Attrs, inputs ...string) string {
	return g.NodeN(1, op, attrs, inputs...)[0]
}

// NodeTo adds a node whose one output is called out, and returns out.
func (g *Graph) NodeTo(out, op string, attrs Attrs, inputs ...string) string {
	g.claim(out)
	g.node(op, attrs, inputs, []string{out})
	return out
}

// NodeN adds a node with n outputs and returns their fresh names.
func (g *Graph) NodeN(n int, op string, attrs Attrs, inputs ...string) []string {
	outputs := make([]string, n)
	for i := range outputs {
		outputs[i] = g.uniqueName(op[strings.LastIndexByte(op, ':')+1:])
	}
	g.node(op, attrs, inputs, outputs)
	return outputs
}

// Model returns the ModelProto's bytes. metadata becomes metadata_props in the
// order of its keys.
func (g *Graph) Model(metadata map[string]string) []byte {
	graph := g.proto()
	m := make(message, 0, len(graph)+1024)
	m.int(1, irVersion)
	m.string(2, producer)
	m.bytes(7, graph)
	m.bytes(8, opset("", opsetDefault))
	for _, d := range g.domains {
		m.bytes(8, opset(d, opsetOther))
	}
	for _, k := range sortedKeys(metadata) {
		var entry message
		entry.string(1, k)
		entry.string(2, metadata[k])
		m.bytes(14, entry)
	}
	return m
}

// proto is GraphProto.
func (g *Graph) proto() message {
	size := 1024
	for _, list := range [][]message{g.nodes, g.initializers} {
		for _, part := range list {
			size += len(part) + 16
		}
	}
	m := make(message, 0, size)
	for _, part := range g.nodes {
		m.bytes(1, part)
	}
	m.string(2, g.name)
	for _, part := range g.initializers {
		m.bytes(5, part)
	}
	for _, part := range g.inputs {
		m.bytes(11, part)
	}
	for _, part := range g.outputs {
		m.bytes(12, part)
	}
	return m
}

// node is NodeProto.
func (g *Graph) node(op string, attrs Attrs, inputs, outputs []string) {
	var m message
	for _, in := range inputs {
		m.string(1, in)
	}
	for _, out := range outputs {
		m.string(2, out)
	}
	m.string(3, outputs[0])
	domain := ""
	if i := strings.LastIndexByte(op, ':'); i >= 0 {
		domain, op = op[:i], op[i+1:]
	}
	m.string(4, op)
	for _, k := range sortedKeys(attrs) {
		m.bytes(5, attribute(k, attrs[k]))
	}
	if domain != "" {
		m.string(7, domain)
		g.use(domain)
	}
	g.nodes = append(g.nodes, m)
}

// use notes a domain where Model tells its operator set.
func (g *Graph) use(domain string) {
	if g.outer != nil {
		g.outer.use(domain)
	} else if !slices.Contains(g.domains, domain) {
		g.domains = append(g.domains, domain)
	}
}

// constant is TensorProto with raw_data.
func (g *Graph) constant(name string, t ElemType, raw []byte, length int, dims []int) string {
	if len(dims) == 0 {
		dims = []int{length}
	}
	if product(dims) != length {
		panic(fmt.Sprintf("onnx: constant %q has %d values for dimensions %v", name, length, dims))
	}
	if name == "" {
		name = g.uniqueName("const")
	} else {
		g.claim(name)
	}
	m := make(message, 0, len(raw)+64)
	for _, d := range dims {
		m.int(1, int64(d))
	}
	m.int(2, int64(t))
	m.string(8, name)
	m.bytes(9, raw)
	g.initializers = append(g.initializers, m)
	return name
}

// claim reserves a name: ONNX graphs are in static single assignment form.
func (g *Graph) claim(name string) {
	if name == "" || g.taken[name] {
		panic(fmt.Sprintf("onnx: value name %q is empty or already taken", name))
	}
	g.taken[name] = true
}

func (g *Graph) uniqueName(stem string) string {
	for {
		g.counter++
		name := stem + "_" + strconv.Itoa(g.counter)
		if !g.taken[name] {
			g.taken[name] = true
			return name
		}
	}
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
