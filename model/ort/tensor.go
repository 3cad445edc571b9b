package ort

import (
	"fmt"

	ort "github.com/yalue/onnxruntime_go"
)

// Tensor is a float32 tensor in host memory whose shape is fixed. It may be
// used by one Run at a time.
type Tensor struct {
	value *ort.Tensor[float32]
}

// NewTensor allocates a tensor of zeros. The dimensions must be positive, and
// the library must be loaded.
func NewTensor(dims ...int) (*Tensor, error) {
	shape := make(ort.Shape, len(dims))
	for i, d := range dims {
		if d <= 0 {
			return nil, fmt.Errorf("make tensor %v: dimensions must be positive", dims)
		}
		shape[i] = int64(d)
	}
	value, err := ort.NewEmptyTensor[float32](shape)
	if err != nil {
		return nil, fmt.Errorf("make tensor %v: %w", dims, err)
	}
	return &Tensor{value: value}, nil
}

// Data is the tensor's memory in row-major order; writing to it sets the
// tensor. It must not be touched while a Run uses the tensor.
func (t *Tensor) Data() []float32 { return t.value.GetData() }

// Close frees the tensor. Data is invalid afterwards.
func (t *Tensor) Close() error {
	if t == nil || t.value == nil {
		return nil
	}
	err := t.value.Destroy()
	t.value = nil
	return err
}

func values(tensors []*Tensor) []ort.Value {
	list := make([]ort.Value, len(tensors))
	for i, t := range tensors {
		list[i] = t.value
	}
	return list
}
