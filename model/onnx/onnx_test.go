package onnx_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dicomnode/model/onnx"
)

// sample uses every call of Graph and every attribute type.
func sample() []byte {
	g := onnx.NewGraph("sample")
	x := g.Input("x", onnx.Float32, -1, 3)
	w := g.Floats("w", []float32{1, -2, 3.5}, 3)
	s := g.NodeN(2, "Split", onnx.Attrs{"axis": 1}, x, g.Ints("", []int64{1, 2}))
	y := g.Node("com.microsoft:Made", onnx.Attrs{"b": true, "f": float32(1), "d": 2.5, "i": int64(-1),
		"is": []int{1, 2}, "ls": []int64{3}, "fs": []float32{4}, "s": "text"}, s[0], "", w)
	g.NodeTo("y", "Relu", nil, y)
	g.Output("y", onnx.Float32, 2, 3)
	return g.Model(map[string]string{"b": "2", "a": "1"})
}

func TestReadBack(t *testing.T) {
	data := sample()
	if !bytes.Equal(data, sample()) {
		t.Error("two equal graphs have different bytes")
	}
	m, err := onnx.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	values, err := m.Initializers[0].Floats()
	if err != nil || !slices.Equal(values, []float32{1, -2, 3.5}) {
		t.Errorf("w = %v, %v", values, err)
	}
	if !bytes.Contains(data, m.Graph) {
		t.Error("Graph is not the graph's bytes")
	}
	m.Graph, m.Initializers = nil, nil
	want := &onnx.Model{
		IRVersion: 8, Producer: "dicomnode", Name: "sample",
		Opsets:   map[string]int64{"": 17, "com.microsoft": 1},
		Metadata: map[string]string{"a": "1", "b": "2"},
		Nodes: []onnx.Node{
			{Op: "Split", Inputs: []string{"x", "const_1"}, Outputs: []string{"Split_2", "Split_3"}},
			{Domain: "com.microsoft", Op: "Made", Inputs: []string{"Split_2", "", "w"}, Outputs: []string{"Made_4"}},
			{Op: "Relu", Inputs: []string{"Made_4"}, Outputs: []string{"y"}},
		},
		Inputs:  []onnx.Value{{Name: "x", Type: onnx.Float32, Dims: []int{-1, 3}}},
		Outputs: []onnx.Value{{Name: "y", Type: onnx.Float32, Dims: []int{2, 3}}},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("model (-want +got):\n%s", diff)
	}
}

// A body's values are called otherwise than its outer graph's, and the model tells
// of the operator sets that only a body uses.
func TestBody(t *testing.T) {
	g := onnx.NewGraph("outer")
	x := g.Input("x", onnx.Float32, 1)
	first := g.Node("Neg", nil, x)
	body := g.Body("inner")
	inner := body.Node("com.example:Neg", nil, first)
	if inner == first {
		t.Errorf("two values are called %s", inner)
	}
	body.Output(inner, onnx.Float32, 1)
	g.NodeTo("y", "Loop", onnx.Attrs{"body": body}, "", "", x)
	g.Output("y", onnx.Float32, 1)
	data := g.Model(nil)
	if !bytes.Contains(data, []byte("inner")) || !bytes.Contains(data, []byte("com.example")) {
		t.Error("the model lacks its body or the body's operator set")
	}
}

func TestMisusePanics(t *testing.T) {
	for name, use := range map[string]func(g *onnx.Graph){
		"name taken":        func(g *onnx.Graph) { g.Input("x", onnx.Float32, 1); g.Floats("x", []float32{1}) },
		"length":            func(g *onnx.Graph) { g.Floats("", []float32{1, 2}, 3) },
		"unknown attribute": func(g *onnx.Graph) { g.Node("Relu", onnx.Attrs{"a": struct{}{}}, "x") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("did not panic")
				}
			}()
			use(onnx.NewGraph("g"))
		})
	}
}

// le makes a length-delimited field.
func le(number byte, content ...byte) []byte {
	return append([]byte{number<<3 | 2, byte(len(content))}, content...)
}

func TestReadRefuses(t *testing.T) {
	tensor := func(parts ...[]byte) []byte { return le(7, le(5, slices.Concat(parts...)...)...) }
	for name, data := range map[string][]byte{
		"empty":               nil,
		"text":                []byte("not a model"),
		"no graph":            le(2, 'p'),
		"two graphs":          append(le(7), le(7)...),
		"cut":                 sample()[:100],
		"length past the end": {7<<3 | 2, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"endless varint":      bytes.Repeat([]byte{0xff}, 20),
		"group":               {7<<3 | 3},
		"graph as number":     {7 << 3, 1},
		"functions":           append(le(7), 25<<3&0x7f|2|0x80, 25>>4, 0),
		"external data":       tensor(le(8, 'w'), []byte{14 << 3, 1}),
		"typed data":          tensor(le(4, 0, 0, 0, 0)),
		"negative dimension":  tensor([]byte{1 << 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}),
		"huge dimensions":     tensor(bytes.Repeat([]byte{1 << 3, 0xff, 0xff, 0xff, 0x7f}, 4)),
		"data too short":      tensor([]byte{1 << 3, 9}, le(9, 1, 2, 3, 4)),
		"sub-graph":           le(7, le(1, le(5, le(6)...)...)...),
		"not UTF-8":           append(le(2, 0xff), le(7)...),
		"metadata twice":      slices.Concat(le(7), le(14, le(1, 'a')...), le(14, le(1, 'a')...)),
		"too many nodes":      manyNodes(),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := onnx.Read(data); !errors.Is(err, onnx.ErrMalformed) {
				t.Errorf("error %v, want ErrMalformed", err)
			}
		})
	}
}

func manyNodes() []byte {
	g := onnx.NewGraph("many")
	for range 10001 {
		g.Node("Relu", nil, "x")
	}
	return g.Model(nil)
}

func FuzzRead(f *testing.F) {
	f.Add(sample())
	f.Add(sample()[:200])
	f.Add(le(7, le(5, 1<<3, 2, 2<<3, 1)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Read(data)
		if err != nil {
			if !errors.Is(err, onnx.ErrMalformed) {
				t.Errorf("error %v is not ErrMalformed", err)
			}
			return
		}
		for _, i := range m.Initializers {
			if v, err := i.Floats(); err == nil && 4*len(v) > len(data) {
				t.Errorf("%d floats from %d bytes", len(v), len(data))
			}
		}
	})
}
