package fit_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"dicomnode/model"
	"dicomnode/model/ort"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/fit"
)

// toys is a data set of discs: bone inside soft tissue on open beam.
func toys(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	w, err := dataset.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	for k := range n {
		img, lab := image.NewGray(image.Rect(0, 0, 200, 200)), image.NewGray(image.Rect(0, 0, 200, 200))
		for i := range lab.Pix {
			r := math.Hypot(float64(i%200-80-10*k), float64(i/200-100))
			class := uint8(0)
			if r < 30 {
				class = 2
			} else if r < 60 {
				class = 1
			}
			lab.Pix[i], img.Pix[i] = class, []uint8{220, 130, 40}[class]+uint8(i*7%20)
		}
		if err := w.Add(dataset.Item{ID: fmt.Sprint("toy", k), Polarity: dataset.AirBright}, img, lab); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func needRuntime(t *testing.T) {
	t.Helper()
	if err := ort.Find(""); err != nil {
		t.Skip(err)
	}
}

func options(dir string) fit.Options {
	return fit.Options{Data: []string{dir}, Width: 2, Batch: 2, Steps: 12, LearningRate: 1e-2, WarmUp: -1, AverageDecay: 0.5,
		Device: "cpu", Threads: 1, Recalibrate: 2, Seed: 3, Save: 4, Every: 1000}
}

func TestLossFalls(t *testing.T) {
	needRuntime(t)
	dir := toys(t, 3)
	lengths := map[model.Network]int{model.XNet(2): 40, model.Network{Architecture: "segnet-basic", Width: 4}: 30, model.Network{Architecture: "u-net", Width: 2}: 20}
	for network, steps := range lengths {
		t.Run(network.String(), func(t *testing.T) {
			o := options(dir)
			o.Architecture, o.Width, o.Steps, o.Validation = network.Architecture, network.Width, steps, o.Data
			o.Curve = filepath.Join(t.TempDir(), "curve.csv")
			first := math.NaN()
			r, err := fit.Run(context.Background(), o, func(p fit.Progress) {
				if p.Step == 1 {
					first = p.Loss
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("accuracy %.3f, loss %.3f to %.3f", r.Validation.Accuracy, first, r.Curve[0].Loss)
			if r.Pictures != 2*o.Steps || r.Images != 3 || len(r.Curve) != 1 {
				t.Errorf("result %+v", r.Curve)
			}
			if mean := r.Curve[0].Loss; !(mean < 0.8*first) {
				t.Errorf("loss %.3f in the first step, %.3f on average", first, mean)
			}
			if r.Validation.Accuracy < 0.8 { // open beam alone is 0.72
				t.Errorf("accuracy %.3f on the training pictures, loss %.3f", r.Validation.Accuracy, r.Curve[0].Loss)
			}
			if err := r.Weights.Check(); err != nil {
				t.Error(err)
			}
			if r.Weights.Network != network {
				t.Errorf("weights of %s, want %s", r.Weights.Network, network)
			}
		})
	}
}

// TestResume interrupts a run and wants the resumed one to end with the same
// bits as an uninterrupted one.
func TestResume(t *testing.T) {
	needRuntime(t)
	o := options(toys(t, 3))
	whole, err := fit.Run(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Checkpoint = filepath.Join(t.TempDir(), "run.checkpoint")
	ctx, cancel := context.WithCancel(context.Background())
	_, err = fit.Run(ctx, o, func(p fit.Progress) {
		if p.Step == 6 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted run: %v", err)
	}
	first := 0
	resumed, err := fit.Run(context.Background(), o, func(p fit.Progress) {
		if first == 0 {
			first = p.Step
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if first != 7 {
		t.Errorf("the resumed run began with step %d, want 7", first)
	}
	if !slices.Equal(whole.Weights.Flat(), resumed.Weights.Flat()) || !slices.Equal(whole.Weights.Running(), resumed.Weights.Running()) {
		t.Error("the resumed run ended with other weights")
	}
	o.Seed++
	if _, err := fit.Run(context.Background(), o, nil); !errors.Is(err, fit.ErrOtherRun) {
		t.Errorf("checkpoint of another run: %v", err)
	}
}

// TestFastResume interrupts a run on the fast path. It goes on there to the same
// bits, and not at all on the standard path.
func TestFastResume(t *testing.T) {
	needRuntime(t)
	if runtime.GOARCH != "amd64" {
		t.Skip("the fast path is for amd64")
	}
	o := options(toys(t, 2))
	o.Width, o.Steps, o.Recalibrate = 16, 2, 1
	whole, err := fit.Run(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Checkpoint = filepath.Join(t.TempDir(), "run.checkpoint")
	ctx, cancel := context.WithCancel(context.Background())
	if _, err = fit.Run(ctx, o, func(fit.Progress) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted run: %v", err)
	}
	standard := o
	standard.Fast = fit.FastOff
	if _, err := fit.Run(context.Background(), standard, nil); !errors.Is(err, fit.ErrOtherPath) {
		t.Errorf("a checkpoint of the fast path on the standard one: %v", err)
	}
	resumed, err := fit.Run(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(whole.Weights.Flat(), resumed.Weights.Flat()) || !slices.Equal(whole.Weights.Running(), resumed.Weights.Running()) {
		t.Error("the resumed run ended with other weights")
	}
}

func TestOtherStart(t *testing.T) {
	needRuntime(t)
	o := options(toys(t, 1))
	w := model.Network{Architecture: "segnet-basic", Width: o.Width}.Init(1)
	o.Init = &w
	if _, err := fit.Run(context.Background(), o, nil); err == nil {
		t.Error("XNet began with the weights of SegNet-Basic")
	}
}

func TestOptions(t *testing.T) {
	good := options("nowhere")
	for name, change := range map[string]func(*fit.Options){
		"no data":            func(o *fit.Options) { o.Data = nil },
		"no length":          func(o *fit.Options) { o.Steps = 0 },
		"two lengths":        func(o *fit.Options) { o.Epochs = 1 },
		"negative":           func(o *fit.Options) { o.Steps = -1 },
		"batch":              func(o *fit.Options) { o.Batch = -1 },
		"fast path":          func(o *fit.Options) { o.Fast = "on" },
		"sampling-weights":   func(o *fit.Options) { o.Shares = []float64{1, 2} },
		"class weights":      func(o *fit.Options) { o.ClassWeights[0] = -1 },
		"steps-per-run":      func(o *fit.Options) { o.Together = -1 },
		"memory":             func(o *fit.Options) { o.Memory = -1 },
		"batch-norm-batches": func(o *fit.Options) { o.Recalibrate = -1 },
		"elastic":            func(o *fit.Options) { o.Augment = &fit.Augmentation{Elastic: math.NaN()} },
		"smoothing":          func(o *fit.Options) { o.Smoothing = 1 },
		"width":              func(o *fit.Options) { o.Width = 4096 },
		"architecture":       func(o *fit.Options) { o.Architecture = "unet" },
		"schedule":           func(o *fit.Options) { o.Schedule = "linear" },
		"stop on":            func(o *fit.Options) { o.StopOn = "f1" },
		"two intervals":      func(o *fit.Options) { o.EveryEpochs = 1 },
		"curve":              func(o *fit.Options) { o.Curve = "curve.png" },
		"folder":             func(*fit.Options) {},
	} {
		o := good
		change(&o)
		if _, err := fit.Run(context.Background(), o, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
