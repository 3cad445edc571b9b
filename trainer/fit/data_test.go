package fit_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dicomnode/trainer/fit"
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
