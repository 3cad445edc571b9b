package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/x448/float16"
)

// ErrMalformed means that bytes are not an ONNX model this package can read.
var ErrMalformed = errors.New("malformed ONNX model")

// Limits on what a file may make Read allocate: each part costs memory that its
// few bytes in the file do not pay for.
const (
	maxParts = 10000 // nodes, initializers, inputs, outputs; each
	maxProps = 100
	maxDims  = 8
)

// Model is what Read finds in a ModelProto. Its slices point into the bytes
// given to Read.
type Model struct {
	IRVersion    int64
	Producer     string
	Opsets       map[string]int64 // by domain
	Metadata     map[string]string
	Graph        []byte // the GraphProto as it stands in the file
	Name         string // the graph's
	Nodes        []Node
	Inputs       []Value
	Outputs      []Value
	Initializers []Tensor
}

// Node is a NodeProto without its attributes.
type Node struct {
	Domain, Op      string
	Inputs, Outputs []string
}

// Value is a graph input or output. A dimension that is left open reads -1.
type Value struct {
	Name string
	Type ElemType
	Dims []int
}

// Tensor is an initializer with raw_data (little endian).
type Tensor struct {
	Name string
	Type ElemType
	Dims []int
	Raw  []byte
}

// Read parses a model. Sub-graphs, functions, training information and data in
// other files or in typed fields are refused: nothing this package writes holds
// them. Fields it does not need are skipped.
func Read(data []byte) (*Model, error) {
	m := &Model{Opsets: map[string]int64{}, Metadata: map[string]string{}}
	if err := m.read(data); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if m.Graph == nil {
		return nil, fmt.Errorf("%w: no graph", ErrMalformed)
	}
	if err := m.readGraph(m.Graph); err != nil {
		return nil, fmt.Errorf("%w: graph: %w", ErrMalformed, err)
	}
	return m, nil
}

// Floats decodes a tensor of single or half precision.
func (t Tensor) Floats() ([]float32, error) {
	n := product(t.Dims)
	size, known := map[ElemType]int{Float32: 4, Float16: 2}[t.Type]
	if !known || len(t.Raw) != size*n {
		return nil, fmt.Errorf("%w: tensor %.64q: type %d, dimensions %v and %d bytes are not floating-point numbers",
			ErrMalformed, t.Name, t.Type, t.Dims, len(t.Raw))
	}
	values := make([]float32, n)
	for i := range values {
		if t.Type == Float16 {
			values[i] = float16.Frombits(binary.LittleEndian.Uint16(t.Raw[2*i:])).Float32()
		} else {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Raw[4*i:]))
		}
	}
	return values, nil
}

// read is ModelProto.
func (m *Model) read(data []byte) error {
	return fields(data, func(f field) (err error) {
		switch f.number {
		case 1:
			m.IRVersion, err = f.int()
		case 2:
			m.Producer, err = f.string()
		case 7:
			if m.Graph != nil {
				return errors.New("more than one graph")
			}
			m.Graph, err = f.message()
		case 8:
			err = m.readOpset(f)
		case 14:
			err = m.readProperty(f)
		case 20, 25:
			return errors.New("training information and functions are not supported")
		}
		return err
	})
}

// readGraph is GraphProto.
func (m *Model) readGraph(data []byte) error {
	return fields(data, func(f field) (err error) {
		switch f.number {
		case 1:
			m.Nodes, err = appendPart(m.Nodes, f, readNode)
		case 2:
			m.Name, err = f.string()
		case 5:
			m.Initializers, err = appendPart(m.Initializers, f, readTensor)
		case 11:
			m.Inputs, err = appendPart(m.Inputs, f, readValue)
		case 12:
			m.Outputs, err = appendPart(m.Outputs, f, readValue)
		case 15:
			return errors.New("sparse initializers are not supported")
		}
		return err
	})
}

func appendPart[T any](list []T, f field, read func([]byte) (T, error)) ([]T, error) {
	if len(list) == maxParts {
		return list, fmt.Errorf("more than %d parts of one kind", maxParts)
	}
	data, err := f.message()
	if err != nil {
		return list, err
	}
	part, err := read(data)
	return append(list, part), err
}

// readOpset is OperatorSetIdProto.
func (m *Model) readOpset(f field) error {
	data, err := f.message()
	if err != nil {
		return err
	}
	var domain string
	var version int64
	err = fields(data, func(f field) (err error) {
		switch f.number {
		case 1:
			domain, err = f.string()
		case 2:
			version, err = f.int()
		}
		return err
	})
	if len(m.Opsets) == maxProps {
		return fmt.Errorf("more than %d operator sets", maxProps)
	}
	m.Opsets[domain] = version
	return err
}

// readProperty is StringStringEntryProto.
func (m *Model) readProperty(f field) error {
	data, err := f.message()
	if err != nil {
		return err
	}
	var key, value string
	err = fields(data, func(f field) (err error) {
		switch f.number {
		case 1:
			key, err = f.string()
		case 2:
			value, err = f.string()
		}
		return err
	})
	if err != nil {
		return err
	}
	if _, twice := m.Metadata[key]; twice || len(m.Metadata) == maxProps {
		return errors.New("metadata repeats a key or has too many")
	}
	m.Metadata[key] = value
	return nil
}
