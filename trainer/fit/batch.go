package fit

import (
	"context"
	"errors"

	"dicomnode/model/ort"
	"dicomnode/trainer/dataset"
)

// batch is one step's input.
type batch struct {
	x    *ort.Tensor // batch×1×size×size
	t    *ort.Tensor // batch×3×size×size: weight of each class as the target, 0 where ignored
	norm float32     // 1/Σt
}

func newBatch(s shapeOf) (*batch, error) {
	x, err := ort.NewTensor(s.batch, 1, s.size, s.size)
	if err != nil {
		return nil, err
	}
	t, err := ort.NewTensor(s.batch, dataset.Classes, s.size, s.size)
	if err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return &batch{x: x, t: t}, nil
}

// Close frees the tensors.
func (b *batch) Close() error { return errors.Join(b.x.Close(), b.t.Close()) }

// targets turns labels into target weights.
type targets struct {
	weights   [dataset.Classes]float32 // of the loss, by true class
	smoothing float32                  // share of the target spread over all classes
}

// fill writes one image's target, classes × pixels, and returns the sum of the
// weights.
func (k targets) fill(t []float32, label []uint8) float64 {
	clear(t)
	n := len(label)
	var sum float64
	for i, truth := range label {
		if truth == dataset.Ignore {
			continue
		}
		w := k.weights[truth]
		for c := range dataset.Classes {
			t[c*n+i] = w * k.smoothing / dataset.Classes
		}
		t[int(truth)*n+i] += w * (1 - k.smoothing)
		sum += float64(w)
	}
	return sum
}

// source makes the batches of a run: a batch is a function of its step, the
// seed and the samples alone, so a resumed run sees the same pictures.
type source struct {
	shape   shapeOf
	order   order
	samples []*dataset.Sample
	targets targets
	augment Augmentation
	seed    uint64
}

// fill makes the batch of a step (0, 1, …) in b.
func (s *source) fill(b *batch, step int) {
	pixels := s.shape.pixels()
	label := make([]uint8, pixels)
	var sum float64
	for i := range s.shape.batch {
		k := uint64(step)*uint64(s.shape.batch) + uint64(i)
		r := random(s.seed, k)
		sample := s.samples[s.order.index(k, r)]
		x := b.x.Data()[i*pixels : (i+1)*pixels]
		s.augment.apply(r, sample, x, label)
		sum += s.targets.fill(b.t.Data()[i*dataset.Classes*pixels:(i+1)*dataset.Classes*pixels], label)
	}
	b.norm = 0
	if sum > 0 {
		b.norm = float32(1 / sum)
	}
}

// stream makes the batches of steps from on while the caller consumes them. The
// caller gives each batch back through free. It ends with ctx.
func (s *source) stream(ctx context.Context, from, to int, free <-chan *batch) <-chan *batch {
	ready := make(chan *batch)
	go func() {
		defer close(ready)
		for step := from; step < to; step++ {
			var b *batch
			select {
			case b = <-free:
			case <-ctx.Done():
				return
			}
			s.fill(b, step)
			select {
			case ready <- b:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ready
}
