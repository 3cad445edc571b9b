package onnx

import (
	"errors"
	"fmt"
	"math"
)

// readNode is NodeProto.
func readNode(data []byte) (n Node, err error) {
	err = fields(data, func(f field) (err error) {
		switch f.number {
		case 1:
			n.Inputs, err = appendName(n.Inputs, f)
		case 2:
			n.Outputs, err = appendName(n.Outputs, f)
		case 4:
			n.Op, err = f.string()
		case 5:
			err = checkAttribute(f)
		case 7:
			n.Domain, err = f.string()
		}
		return err
	})
	return n, err
}

func appendName(list []string, f field) ([]string, error) {
	if len(list) == maxParts {
		return list, fmt.Errorf("a node with more than %d names", maxParts)
	}
	s, err := f.string()
	return append(list, s), err
}

// checkAttribute refuses AttributeProtos that hold graphs or tensors.
func checkAttribute(f field) error {
	data, err := f.message()
	if err != nil {
		return err
	}
	return fields(data, func(f field) error {
		switch f.number {
		case 5, 6, 10, 11, 22, 23:
			return errors.New("attributes that hold tensors or graphs are not supported")
		}
		return nil
	})
}

// readTensor is TensorProto.
func readTensor(data []byte) (t Tensor, err error) {
	err = fields(data, func(f field) (err error) {
		var v int64
		switch f.number {
		case 1:
			if v, err = f.int(); err == nil {
				t.Dims, err = appendDim(t.Dims, v)
			}
		case 2:
			v, err = f.int()
			t.Type = ElemType(v)
		case 8:
			t.Name, err = f.string()
		case 9:
			t.Raw, err = f.message()
		case 4, 5, 6, 7, 10, 11, 13, 14:
			return errors.New("tensor data outside raw_data is not supported")
		}
		return err
	})
	if err != nil {
		return t, err
	}
	return t, checkSize(t)
}

// checkSize refuses tensors whose dimensions multiply to more than their bytes.
func checkSize(t Tensor) error {
	n := 1
	for _, d := range t.Dims {
		if d > 0 && n > math.MaxInt32/d {
			return errors.New("tensor dimensions overflow")
		}
		n *= d
	}
	if n > len(t.Raw) {
		return fmt.Errorf("tensor of %d values has %d bytes", n, len(t.Raw))
	}
	return nil
}

func appendDim(dims []int, v int64) ([]int, error) {
	if len(dims) == maxDims || v < 0 || v > math.MaxInt32 {
		return dims, fmt.Errorf("dimension %d of %d is out of range", v, len(dims)+1)
	}
	return append(dims, int(v)), nil
}

// readValue is ValueInfoProto down to its tensor type.
func readValue(data []byte) (v Value, err error) {
	err = fields(data, func(f field) (err error) {
		switch f.number {
		case 1:
			v.Name, err = f.string()
		case 2:
			err = nested(f, 1, func(tensor field) error { return v.readTensorType(tensor) })
		}
		return err
	})
	return v, err
}

// readTensorType is TypeProto.Tensor.
func (v *Value) readTensorType(f field) error {
	data, err := f.message()
	if err != nil {
		return err
	}
	return fields(data, func(f field) (err error) {
		switch f.number {
		case 1:
			var t int64
			t, err = f.int()
			v.Type = ElemType(t)
		case 2:
			err = nested(f, 1, v.readDim)
		}
		return err
	})
}

// readDim is TensorShapeProto.Dimension.
func (v *Value) readDim(f field) error {
	data, err := f.message()
	if err != nil {
		return err
	}
	open := true
	var size int64
	err = fields(data, func(f field) (err error) {
		if f.number == 1 {
			open = false
			size, err = f.int()
		}
		return err
	})
	if err != nil {
		return err
	}
	v.Dims, err = appendDim(v.Dims, size)
	if open && err == nil {
		v.Dims[len(v.Dims)-1] = -1
	}
	return err
}

// nested calls read for each field called number inside the message f.
func nested(f field, number int, read func(field) error) error {
	data, err := f.message()
	if err != nil {
		return err
	}
	return fields(data, func(f field) error {
		if f.number != number {
			return nil
		}
		return read(f)
	})
}
