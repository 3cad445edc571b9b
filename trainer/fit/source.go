package fit

import (
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"

	"dicomnode/trainer/dataset"
	"dicomnode/trainer/fit/step"
)

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
	shape   step.Shape
	order   order
	samples *dataset.Samples
	targets targets
	augment Augmentation
	seed    uint64
}

// fill makes the batch of so many steps from one on (0, 1, …) in b, its pictures side
// by side.
func (s *source) fill(b *step.Batch, step, steps int) error {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	sums := make([]float64, steps*s.shape.Batch)
	for i := range sums {
		group.Go(func() (err error) {
			sums[i], err = s.picture(b, i, uint64(step)*uint64(s.shape.Batch)+uint64(i))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	b.Steps = steps
	for i := range steps {
		var sum float64
		for _, v := range sums[i*s.shape.Batch : (i+1)*s.shape.Batch] {
			sum += v
		}
		b.Norm[i] = 0
		if sum > 0 {
			b.Norm[i] = float32(1 / sum)
		}
	}
	return nil
}

// picture makes picture k of the run number i of the batch and returns the sum of
// its weights.
func (s *source) picture(b *step.Batch, i int, k uint64) (float64, error) {
	r := random(s.seed, k)
	sample, err := s.samples.Sample(s.order.index(k, r))
	if err != nil {
		return 0, err
	}
	pixels := s.shape.Pixels()
	label := make([]uint8, pixels)
	s.augment.apply(r, sample, b.X.Data()[i*pixels:(i+1)*pixels], label)
	return s.targets.fill(b.T.Data()[i*dataset.Classes*pixels:(i+1)*dataset.Classes*pixels], label), nil
}

// filled is a batch with its pictures, or why it could not be made.
type filled struct {
	*step.Batch
	err error
}

// stream makes the batches of steps from on while the caller consumes them, each for
// as many steps as stepsPerRun says of its first. The caller gives each batch back
// through free. It ends with ctx.
func (s *source) stream(ctx context.Context, from, to int, stepsPerRun func(done int) int, free <-chan *step.Batch) <-chan filled {
	ready := make(chan filled)
	go func() {
		defer close(ready)
		for at := from; at < to; {
			var b *step.Batch
			select {
			case b = <-free:
			case <-ctx.Done():
				return
			}
			n := stepsPerRun(at)
			err := s.fill(b, at, n)
			at += n
			select {
			case ready <- filled{b, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ready
}
