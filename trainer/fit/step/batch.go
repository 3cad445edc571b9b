package step

import (
	"errors"

	"dicomnode/model/ort"
)

// Batch is the input of a step, or of several: then X and T have one more dimension
// in front, for the steps, and Steps of those places are filled.
type Batch struct {
	X     *ort.Tensor // batch×1×size×size
	T     *ort.Tensor // batch×3×size×size: weight of each class as the target, 0 where ignored
	Norm  []float32   // 1/Σt of each step
	Steps int         // that it is for
}

// NewBatch allocates the tensors of a batch for graphs of shape s.
func NewBatch(s Shape) (*Batch, error) {
	var steps []int
	if s.Steps > 1 {
		steps = []int{s.Steps}
	}
	x, err := ort.NewTensor(append(steps, s.Batch, 1, s.Size, s.Size)...)
	if err != nil {
		return nil, err
	}
	t, err := ort.NewTensor(append(steps, s.Batch, classes, s.Size, s.Size)...)
	if err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return &Batch{X: x, T: t, Norm: make([]float32, max(1, s.Steps)), Steps: 1}, nil
}

// Close frees the tensors.
func (b *Batch) Close() error { return errors.Join(b.X.Close(), b.T.Close()) }
