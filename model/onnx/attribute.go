package onnx

import "fmt"

// AttributeProto.AttributeType.
const (
	attrFloat  = 1
	attrInt    = 2
	attrString = 3
	attrGraph  = 5
	attrFloats = 6
	attrInts   = 7
)

// attribute is AttributeProto.
func attribute(name string, value any) message {
	var m message
	m.string(1, name)
	kind := 0
	switch v := value.(type) {
	case float32:
		kind = attrFloat
		m.float(2, v)
	case float64:
		return attribute(name, float32(v))
	case int64:
		kind = attrInt
		m.int(3, v)
	case int:
		return attribute(name, int64(v))
	case bool:
		if v {
			return attribute(name, int64(1))
		}
		return attribute(name, int64(0))
	case string:
		kind = attrString
		m.string(4, v)
	case *Graph:
		kind = attrGraph
		m.bytes(6, v.proto())
	case []float32:
		kind = attrFloats
		for _, f := range v {
			m.float(7, f)
		}
	case []int64:
		kind = attrInts
		for _, i := range v {
			m.int(8, i)
		}
	case []int:
		wide := make([]int64, len(v))
		for i, n := range v {
			wide[i] = int64(n)
		}
		return attribute(name, wide)
	default:
		panic(fmt.Sprintf("onnx: attribute %q has type %T", name, value))
	}
	m.int(20, int64(kind))
	return m
}

// valueInfo is ValueInfoProto with a tensor type.
func valueInfo(name string, t ElemType, dims []int) message {
	var shape message
	for _, d := range dims {
		var dim message
		if d < 0 {
			dim.string(2, "N")
		} else {
			dim.int(1, int64(d))
		}
		shape.bytes(1, dim)
	}
	var tensor, kind, m message
	tensor.int(1, int64(t))
	tensor.bytes(2, shape)
	kind.bytes(1, tensor)
	m.string(1, name)
	m.bytes(2, kind)
	return m
}

// opset is OperatorSetIdProto.
func opset(domain string, version int64) message {
	var m message
	if domain != "" {
		m.string(1, domain)
	}
	m.int(2, version)
	return m
}
