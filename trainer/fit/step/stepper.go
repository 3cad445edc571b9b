package step

import (
	"context"
	"errors"
	"fmt"
	"math"

	"dicomnode/model"
	"dicomnode/model/ort"
)

// State is everything a step changes: the flat parameters, Adam's moments and
// how many steps made them.
type State struct {
	Step    int
	P, M, V []float32
}

// Fresh is the state before the first step.
func Fresh(w model.Weights) State {
	p := w.Flat()
	return State{P: p, M: make([]float32, len(p)), V: make([]float32, len(p))}
}

// Stepper runs training steps, one in a run of its session or several. The flat vectors exist twice: a step reads one
// set and writes the other, then they change places, because one buffer must not
// be both input and output of a run.
type Stepper struct {
	shape     Shape
	session   *ort.Session
	p, m, v   [2]*ort.Tensor
	norm      *ort.Tensor
	rate      *ort.Tensor
	loss      *ort.Tensor
	grad      *ort.Tensor // nil unless asked for
	loop      *loop       // nil where a run makes one step
	current   int
	done      int
	allocated []*ort.Tensor
}

// New loads the graph of a step, or of shape.Steps of them in one run, and puts s
// into it. l2 is λ of λ‖kernels‖² in the loss. withGrad keeps the gradient of the
// loss, of a single step only.
func New(shape Shape, l2 float32, withGrad bool, s State, o ort.Options) (*Stepper, error) {
	inputs, outputs := stepInputs, stepOutputs
	if withGrad {
		outputs = append(outputs[:len(outputs):len(outputs)], "G")
	}
	graph := func() []byte { return stepGraph(shape, l2, withGrad) }
	if shape.Steps > 1 {
		inputs, outputs = loopInputs, loopOutputs
		graph = func() []byte { return loopGraph(shape, l2) }
	}
	o.KeepLayout = true
	o.MemPattern = false // halves the memory of a step at the same speed
	session, err := ort.NewSession(graph(), inputs, outputs, o)
	if err != nil {
		return nil, fmt.Errorf("load the training step: %w", err)
	}
	t := &Stepper{shape: shape, session: session}
	if err := t.allocate(withGrad); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	t.put(s)
	return t, nil
}

func (t *Stepper) allocate(withGrad bool) error {
	total := t.shape.Net.NumParameters()
	var err error
	tensor := func(dims ...int) *ort.Tensor {
		made, e := ort.NewTensor(dims...)
		err = errors.Join(err, e)
		if e == nil {
			t.allocated = append(t.allocated, made)
		}
		return made
	}
	for i := range 2 {
		t.p[i], t.m[i], t.v[i] = tensor(total), tensor(total), tensor(total)
	}
	steps := max(1, t.shape.Steps)
	t.norm, t.rate, t.loss = tensor(steps), tensor(steps), tensor(steps)
	if steps > 1 {
		t.loop = &loop{before: tensor(total), after: tensor(total), decay: tensor(steps), count: tensor(1)}
	}
	if withGrad {
		t.grad = tensor(total)
	}
	return err
}

// put copies s into the stepper.
func (t *Stepper) put(s State) {
	c := t.current
	copy(t.p[c].Data(), s.P)
	copy(t.m[c].Data(), s.M)
	copy(t.v[c].Data(), s.V)
	t.done = s.Step
}

// Snapshot copies the state out.
func (t *Stepper) Snapshot() State {
	c := t.current
	return State{Step: t.done, P: clone(t.p[c].Data()), M: clone(t.m[c].Data()), V: clone(t.v[c].Data())}
}

// Step is the number of steps done.
func (t *Stepper) Step() int { return t.done }

// Parameters is the current flat vector; the next step overwrites it.
func (t *Stepper) Parameters() []float32 { return t.p[t.current].Data() }

// single makes one step on b at the given learning rate and returns the loss.
func (t *Stepper) single(ctx context.Context, b *Batch, rate float64) (float32, error) {
	c, next := t.current, 1-t.current
	t.norm.Data()[0] = b.Norm[0]
	t.rate.Data()[0] = float32(rate * correction(t.done+1))
	in := []*ort.Tensor{t.p[c], t.m[c], t.v[c], b.X, b.T, t.norm, t.rate}
	out := []*ort.Tensor{t.p[next], t.m[next], t.v[next], t.loss}
	if t.grad != nil {
		out = append(out, t.grad)
	}
	if err := t.session.Run(ctx, in, out); err != nil {
		return 0, err
	}
	t.current = next
	t.done++
	return t.loss.Data()[0], nil
}

// correction is Adam's bias correction at step 1, 2, …
func correction(step int) float64 {
	return math.Sqrt(1-math.Pow(beta2, float64(step))) / (1 - math.Pow(beta1, float64(step)))
}

// Close frees the session and its tensors.
func (t *Stepper) Close() error {
	errs := []error{t.session.Close()}
	for _, a := range t.allocated {
		errs = append(errs, a.Close())
	}
	return errors.Join(errs...)
}

func clone(v []float32) []float32 { return append([]float32(nil), v...) }
