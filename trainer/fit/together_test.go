package fit

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
)

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
