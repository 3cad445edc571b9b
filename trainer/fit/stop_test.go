package fit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dicomnode/model/ort"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/fit/step"
)

func TestBetter(t *testing.T) {
	best := candidate{Step: 1, Loss: 0.3, Accuracy: 0.9}
	for _, test := range []struct {
		c              candidate
		loss, accuracy bool
	}{
		{candidate{Step: 2, Loss: 0.2, Accuracy: 0.8}, true, false},
		{candidate{Step: 2, Loss: 0.4, Accuracy: 0.95}, false, true},
		{best, false, false},
	} {
		if got := test.c.better(best, Loss); got != test.loss {
			t.Errorf("loss %g, accuracy %g is better by loss: %v", test.c.Loss, test.c.Accuracy, got)
		}
		if got := test.c.better(best, Accuracy); got != test.accuracy {
			t.Errorf("loss %g, accuracy %g is better by accuracy: %v", test.c.Loss, test.c.Accuracy, got)
		}
		if !test.c.better(candidate{}, Loss) {
			t.Error("nothing is better")
		}
	}
}

// Validation comes with each epoch although an epoch is no whole number of steps.
func TestDue(t *testing.T) {
	r := &run{o: Options{Batch: 5, EveryEpochs: 1}, source: &source{samples: &dataset.Samples{}}}
	r.source.samples.Add(nil, make([]dataset.Item, 11))
	var due []int
	for step := 1; step <= 7; step++ {
		if r.due(step) {
			due = append(due, step)
		}
	}
	if len(due) != 3 || due[0] != 3 || due[1] != 5 || due[2] != 7 {
		t.Errorf("epochs end after steps %v, want 3, 5 and 7", due)
	}
}

// A run whose validation gets worse stops when its patience ends, keeps the best
// parameters, and does not go on when it is started again.
func TestPatience(t *testing.T) {
	if err := ort.Find(""); err != nil {
		t.Skip(err)
	}
	o := Options{Data: []string{halves(t)}, Width: 1, Batch: 1, Epochs: 50, LearningRate: 1e-30, WarmUp: -1, AverageDecay: -1, Schedule: Constant,
		Device: "cpu", Threads: 1, Recalibrate: 1, Patience: 2, Checkpoint: filepath.Join(t.TempDir(), "run.checkpoint")}
	if _, err := Run(t.Context(), o, nil); !errors.Is(err, ErrNoValidation) {
		t.Fatalf("patience without validation data: %v", err)
	}
	o.Validation = o.Data
	// With parameters that never change no validation is better than the first.
	r, err := Run(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Stopped || r.Steps != 6 || r.Step != 2 || len(r.Curve) != 3 || r.Curve[2].Epoch != 3 {
		t.Errorf("stopped %v after step %d, best %d, curve %v", r.Stopped, r.Steps, r.Step, r.Curve)
	}
	if v := float64(r.Validation.CrossEntropy); math.Abs(v-float64(r.Curve[0].ValidationLoss)) > 1e-12 || !(v > 0) {
		t.Errorf("the best parameters' loss is %g, that of their validation was %g", v, r.Curve[0].ValidationLoss)
	}
	again, err := Run(t.Context(), o, func(p Progress) { t.Errorf("step %d of a run that had stopped", p.Step) })
	if err != nil || again.Step != r.Step || !again.Stopped {
		t.Errorf("the same again: %v, %+v", err, again)
	}
}

// A validation measures statistics on no more batches than are trained on between two.
func TestStatisticsBatches(t *testing.T) {
	dir := halves(t)
	for _, c := range []struct {
		o    Options
		want int
	}{
		{Options{Steps: 9, Every: 4}, 4}, {Options{Steps: 9, Every: 400}, 100}, {Options{Epochs: 3}, 0}, {Options{Steps: 9, Every: 4, Recalibrate: 2}, 2},
	} {
		c.o.Data, c.o.Batch = []string{dir}, 1
		o := c.o.Defaults()
		d, err := openData(o)
		if err != nil {
			t.Fatal(err)
		}
		r := &run{o: o, data: d, source: &source{samples: &d.train}}
		if c.want == 0 { // an epoch of single pictures
			c.want = d.train.Len()
		}
		if got := r.statisticsBatches(); got != c.want {
			t.Errorf("%+v: %d batches, want %d", c.o, got, c.want)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// An earlier and a later format are refused in words.
func TestFormats(t *testing.T) {
	o := Options{Width: 1}.Defaults()
	path := filepath.Join(t.TempDir(), "run.checkpoint")
	n, of := o.network().NumParameters(), identity(o, digests{})
	c := checkpoint{Run: of, State: step.Fresh(o.network().Init(1)), Average: make([]float32, n)}
	for format, want := range map[int]string{checkpointFormat - 1: "did not record the images of the validation", checkpointFormat + 1: "later version", checkpointFormat: ""} {
		c.Format = format
		if err := c.save(path); err != nil {
			t.Fatal(err)
		}
		if _, err := resume(path, of, o.network()); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("format %d: %v, want %q", format, err, want)
		}
	}
}

// A run does not go on with images of the validation that are not those it began with.
func TestOtherValidation(t *testing.T) {
	if err := ort.Find(""); err != nil {
		t.Skip(err)
	}
	same := halves(t)
	o := Options{Data: []string{halves(t)}, Width: 1, Batch: 1, Steps: 2, Every: 1, Device: "cpu", Threads: 1, Recalibrate: 1,
		Validation: []string{same}, Checkpoint: filepath.Join(t.TempDir(), "run.checkpoint")}
	if _, err := Run(t.Context(), o, nil); err != nil {
		t.Fatal(err)
	}
	o.Validation = []string{same, same}
	if _, err := Run(t.Context(), o, nil); !errors.Is(err, ErrOtherRun) {
		t.Errorf("with other images: %v", err)
	}
	o.Validation = []string{halves(t)} // the same images elsewhere
	if _, err := Run(t.Context(), o, nil); err != nil {
		t.Errorf("with the same images: %v", err)
	}
}

// A run that ends while it is validated, here for the first and the last time, keeps its
// steps; when it goes on it is validated first, and ends as if it had not been interrupted.
func TestInterruptedValidation(t *testing.T) {
	if err := ort.Find(""); err != nil {
		t.Skip(err)
	}
	o := Options{Data: []string{halves(t)}, Width: 1, Batch: 1, Steps: 6, Every: 3, LearningRate: 1e-2, Validation: []string{halves(t)},
		Device: "cpu", Threads: 1, Recalibrate: 1, Seed: 3}.Defaults()
	want, err := Run(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Checkpoint = filepath.Join(t.TempDir(), "run.checkpoint")
	for range 2 {
		endWhileValidating(t, o)
	}
	var steps []int
	got, err := Run(t.Context(), o, func(p Progress) { steps = append(steps, p.Step) })
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(steps, []int{6}) {
		t.Errorf("steps %v are reported, want the validation after the last alone", steps)
	}
	if !slices.Equal(want.Weights.Flat(), got.Weights.Flat()) || want.Step != got.Step || len(got.Curve) != 2 {
		t.Errorf("the run ended with other weights, or another curve: %+v", got.Curve)
	}
	for i, p := range got.Curve {
		if p.Seconds = want.Curve[i].Seconds; fmt.Sprint(p) != fmt.Sprint(want.Curve[i]) {
			t.Errorf("point %+v, want %+v", p, want.Curve[i])
		}
	}
}

// endWhileValidating ends a fresh run in its first validation, a resumed one in the next after
// that which is still due.
func endWhileValidating(t *testing.T, o Options) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := newRun(ctx, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if _, err := r.reading.wait(); err != nil {
		t.Fatal(err)
	}
	end := func(f *dataset.Folder, it dataset.Item) (*dataset.Picture, error) {
		cancel()
		return f.Load(it)
	}
	if r.first == 0 {
		r.endIn(end)
	}
	r.progress = func(p Progress) {
		if p.Validation != nil {
			r.endIn(end)
		}
	}
	if err := r.steps(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("the run ended with %v", err)
	}
}

// endIn has the validation's pictures decoded again, by load.
func (r *run) endIn(load func(*dataset.Folder, dataset.Item) (*dataset.Picture, error)) {
	r.data.validation.Keep(0)
	r.data.validation.Load = load
}

// What is validated on is known by folder and split.
func TestValidated(t *testing.T) {
	dir, other := halves(t), halves(t)
	for _, c := range []struct {
		validation []string
		want       []Part
	}{{nil, nil}, {[]string{other, dir}, []Part{{Folder: other}, {Folder: dir}}}} {
		d, err := openData(Options{Data: []string{dir}, Validation: c.validation}.Defaults())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(d.validated, c.want) {
			t.Errorf("got %+v, want %+v", d.validated, c.want)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
