package fit_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dicomnode/model"
	"dicomnode/trainer/fit"
	"dicomnode/trainer/simulate"
)

// A run is the same whether its pictures are kept decoded or not, and goes on with
// another amount of memory.
func TestMemory(t *testing.T) {
	needRuntime(t)
	o := options(toys(t, 12))
	o.Steps, o.Validation = 8, o.Data
	whole, err := fit.Run(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	var told []int
	o.Reading = func(done, total int) {
		if told = append(told, done); total != 24 {
			t.Errorf("%d of %d images read", done, total)
		}
	}
	o.Memory = 1 // 8 pictures
	o.Checkpoint = filepath.Join(t.TempDir(), "run.checkpoint")
	ctx, cancel := context.WithCancel(context.Background())
	_, err = fit.Run(ctx, o, func(p fit.Progress) {
		if p.Step == 3 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted run: %v", err)
	}
	o.Memory, o.Reading = 2, nil
	again, err := fit.Run(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(whole.Weights.Flat(), again.Weights.Flat()) || whole.Digest != again.Digest {
		t.Error("less memory made other weights")
	}
	if len(told) != 24 || !slices.IsSorted(told) {
		t.Errorf("read in the order %v", told)
	}
}

// An image that cannot be read ends the run, though no step needs it.
func TestUnreadable(t *testing.T) {
	needRuntime(t)
	dir := toys(t, 9)
	if err := os.WriteFile(filepath.Join(dir, "images", "toy8.png"), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := options(dir)
	o.Batch, o.Steps, o.Recalibrate = 1, 1, 1
	if _, err := fit.Run(context.Background(), o, nil); err == nil || !strings.Contains(err.Error(), "toy8") {
		t.Errorf("an image that cannot be read: %v", err)
	}
}

// With target field the labels are the exposed fields: other data, another digest, and a
// bundle that only opens as one of fields.
func TestFitTheField(t *testing.T) {
	needRuntime(t)
	dir := t.TempDir()
	if err := simulate.Run(t.Context(), simulate.Options{Out: dir, Count: 4, Size: 64, Field: true}, nil); err != nil {
		t.Fatal(err)
	}
	o := options(dir)
	o.Steps, o.Validation = 2, o.Data
	regions, err := fit.Run(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Target = model.Field
	field, err := fit.Run(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if regions.Digest == field.Digest {
		t.Error("both targets learnt the same labels")
	}
	if f := float64(field.Curve[0].SoftF1); !math.IsNaN(f) {
		t.Errorf("F1 of soft tissue is %v where there is none", f)
	}
	o.Data = []string{toys(t, 2)}
	if _, err := fit.Run(t.Context(), o, nil); err == nil {
		t.Error("data without fields were trained on")
	}
	o.Target = "lungs"
	if _, err := fit.Run(t.Context(), o, nil); err == nil {
		t.Error("an unknown target was trained for")
	}
}
