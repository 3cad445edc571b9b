package fit

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"dicomnode/model"
	"dicomnode/model/ort"
)

// Several steps in one run are to the bit what they are one by one, on both paths:
// parameters, moments, average and losses. The last run makes fewer than it could.
func TestSeveralSteps(t *testing.T) {
	needRuntime(t)
	shapes := []shapeOf{
		{net: model.XNet(4), batch: 2, size: 16},
		{net: model.XNet(4), batch: 2, size: 16, channelMajor: true},
		{net: model.SegNetBasic(4), batch: 2, size: 24},
		{net: model.UNet(3), batch: 2, size: 40},
	}
	if block, err := checked(); err == nil {
		shapes = append(shapes, shapeOf{net: model.XNet(block), batch: 2, size: 16, block: block})
	}
	for _, s := range shapes {
		t.Run(s.net.String(), func(t *testing.T) {
			single, multiple := stepsOn(t, s, 1), stepsOn(t, s, 3)
			for what, pair := range map[string][2][]float32{
				"parameters": {single.P, multiple.P}, "first moment": {single.M, multiple.M}, "second moment": {single.V, multiple.V},
				"average": {single.average, multiple.average}, "losses": {single.losses, multiple.losses},
			} {
				if !slices.Equal(pair[0], pair[1]) {
					t.Errorf("%s: differ by %g of their length", what, distance(pair[1], pair[0]))
				}
			}
			if single.Step != 5 || multiple.Step != 5 || len(single.losses) != 5 || slices.Contains(single.losses, 0) {
				t.Errorf("%d and %d steps, losses %v", single.Step, multiple.Step, single.losses)
			}
		})
	}
}

type made struct {
	state
	average, losses []float32
}

// stepsOn makes five steps, at most so many in a run.
func stepsOn(t *testing.T, s shapeOf, together int) made {
	t.Helper()
	single := s
	s.steps = together
	step, err := newStepper(s, 5e-4, false, fresh(s.net.Init(1)), ort.Options{Device: ort.CPU, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer close0(t, step)
	all, err := newBatch(s)
	if err != nil {
		t.Fatal(err)
	}
	defer close0(t, all)
	avg := newAverage(0.9, step.parameters())
	var out made
	for first := 0; first < 5; first += all.steps {
		all.steps = min(together, 5-first)
		var rates []float64
		for i := range all.steps {
			one := randomBatch(t, single, random(9, uint64(first+i)))
			copy(all.x.Data()[i*len(one.x.Data()):], one.x.Data())
			copy(all.t.Data()[i*len(one.t.Data()):], one.t.Data())
			all.norm[i] = one.norm[0]
			rates = append(rates, 1e-2/float64(1+first+i))
			close0(t, one)
		}
		losses, err := step.several(context.Background(), all, rates, avg)
		if err != nil {
			t.Fatal(err)
		}
		out.losses = append(out.losses, losses...)
	}
	out.state, out.average = step.snapshot(), avg.values
	return out
}

// A run of several steps together is that of single ones, also when it was
// interrupted and goes on with another number, on pictures that were varied.
func TestTogether(t *testing.T) {
	needRuntime(t)
	o := Options{Data: []string{halves(t)}, Width: 1, Batch: 1, Steps: 11, Save: 4, Every: 5, LearningRate: 1e-2, L2: 1e-4,
		Validation: []string{halves(t)}, Device: "cpu", Threads: 1, Recalibrate: 1}
	want, err := Run(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Checkpoint, o.Together = filepath.Join(t.TempDir(), "run.checkpoint"), 3
	ctx, cancel := context.WithCancel(t.Context())
	var steps []int
	progress := func(p Progress) {
		if steps = append(steps, p.Step); p.Step == 8 {
			cancel()
		}
	}
	if _, err := Run(ctx, o, progress); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	o.Together = 2
	got, err := Run(t.Context(), o, progress)
	if err != nil {
		t.Fatal(err)
	}
	// Validations are due after 5 and 10, checkpoints after 4 and 8.
	if want := []int{3, 4, 5, 8, 10, 11}; !slices.Equal(steps, want) {
		t.Errorf("runs ended after steps %v, want %v", steps, want)
	}
	if !slices.Equal(want.Weights.Flat(), got.Weights.Flat()) || !slices.Equal(want.Weights.Running(), got.Weights.Running()) {
		t.Error("the weights are others")
	}
	for i, p := range want.Curve {
		if q := got.Curve[i]; p.Loss != q.Loss || p.ValidationLoss != q.ValidationLoss || p.Rate != q.Rate {
			t.Errorf("the curve is %+v, want %+v", q, p)
		}
	}
}
