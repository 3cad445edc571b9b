package fit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"time"

	"dicomnode/internal/durable"
	"dicomnode/model/ort"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/fit/step"
)

// run is a run under way.
type run struct {
	o        Options
	progress func(Progress)
	data     *data
	reading  *reading
	source   *source

	stepper    *step.Stepper
	calibrator *step.Statistics
	batches    []*step.Batch // two for the steps
	spare      *step.Batch   // for the statistics
	average    *step.Average

	started   time.Time     // of this process's part
	before    time.Duration // spent before it was resumed
	first     int           // step it started from
	rate      float64
	losses    window
	since     mean // of the losses since the last point of the curve
	curve     []Point
	best      candidate
	sinceBest int // validations since the best
	stopped   bool
	resumed   bool // from a checkpoint
}

func newRun(ctx context.Context, o Options, progress func(Progress)) (*run, error) {
	r := &run{o: o, progress: progress}
	err := r.load(ctx)
	if err == nil {
		err = r.prepare()
	}
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	r.started = time.Now()
	return r, nil
}

// load opens the data and starts to read them.
func (r *run) load(ctx context.Context) (err error) {
	if r.data, err = openData(r.o); err != nil {
		return err
	}
	if r.o.Epochs > 0 {
		r.o.Steps = stepsOf(r.o.Epochs, r.data.train.Len(), r.o.Batch)
	}
	r.reading = r.data.read(context.WithoutCancel(ctx), r.o.Reading) // an interrupted run's checkpoint needs the digest too
	r.source = &source{shape: step.Shape{Net: r.o.network(), Batch: r.o.Batch, Size: dataset.Side}, samples: &r.data.train, augment: *r.o.Augment,
		order: newOrder(r.o.Seed, r.data.sizes, r.o.Shares), targets: targetsOf(r.o), seed: r.o.Seed}
	return ctx.Err()
}

func targetsOf(o Options) targets {
	t := targets{smoothing: float32(o.Smoothing)}
	for i, w := range o.ClassWeights {
		t.weights[i] = float32(w)
	}
	return t
}

// identity is a digest of what decides a run's course: its data, those it is validated on
// too, and options, but not where it runs and writes.
func identity(o Options, of digests) string {
	o.Data, o.Validation, o.Checkpoint, o.Curve, o.Library, o.Device = nil, nil, "", "", "", ""
	o.Threads, o.Save, o.Fast, o.Memory, o.Together = 0, 0, "", 0, 0
	h := sha256.New()
	fmt.Fprintln(h, of.train, of.validation)
	if o.Init != nil {
		fmt.Fprint(h, o.Init.Flat())
		o.Init = nil
	}
	_ = json.NewEncoder(h).Encode(o) // options encode, and a hash takes all
	return hex.EncodeToString(h.Sum(nil))
}

// deviceSteps is Options.Together on a device.
const deviceSteps = 8

// prepare loads the graphs and puts the starting or saved state into them.
func (r *run) prepare() error {
	if err := ort.Find(r.o.Library); err != nil {
		return err
	}
	start, err := r.start()
	if err != nil {
		return err
	}
	device := ort.Options{Device: r.o.Device, Threads: r.o.Threads, IntraOpSpinning: true}
	cpu := step.OnCPU(device)
	if err := r.choosePath(cpu); err != nil {
		return err
	}
	single := r.source.shape
	shape := &r.source.shape
	if shape.Steps = r.o.Together; shape.Steps == 0 && !cpu {
		shape.Steps = deviceSteps
	}
	logging := device
	logging.Log = slog.Default() // once in a run: why its steps are not made with CUDA
	if r.stepper, err = step.New(*shape, float32(r.o.L2), false, start, logging); err != nil {
		return err
	}
	if r.calibrator, err = step.NewStatistics(single, device); err != nil {
		return err
	}
	for range 2 {
		b, err := step.NewBatch(*shape)
		if err != nil {
			return err
		}
		r.batches = append(r.batches, b)
	}
	r.spare, err = step.NewBatch(single)
	return err
}

// start returns the state to begin with: the checkpoint's, or a fresh one.
func (r *run) start() (step.State, error) {
	if r.o.Checkpoint != "" {
		if err := durable.Clean(r.o.Checkpoint); err != nil {
			return step.State{}, err
		}
		c, err := r.resume()
		if err != nil {
			return step.State{}, err
		}
		if c != nil {
			r.average = step.NewAverage(r.o.AverageDecay, c.Average)
			r.before, r.curve, r.best, r.sinceBest, r.first = c.Elapsed, c.Curve, c.Best, c.Worse, c.State.Step
			r.losses, r.since, r.rate, r.resumed, r.source.shape.Block = c.Losses, c.Since, c.Rate, true, c.Block
			r.stopped = r.exhausted()
			return c.State, nil
		}
	}
	if r.o.Finish {
		return step.State{}, ErrNothingToFinish
	}
	w := r.o.network().Init(r.o.Seed)
	if r.o.Init != nil {
		w = *r.o.Init
		if err := w.Check(); err != nil {
			return step.State{}, err
		}
		if w.Network != r.o.network() {
			return step.State{}, fmt.Errorf("start from weights of %s for %s", w.Network, r.o.network())
		}
	}
	s := step.Fresh(w)
	r.average = step.NewAverage(r.o.AverageDecay, s.P)
	return s, nil
}

// resume reads the run's checkpoint, if there is one. Its data must have been read
// for that, to know that it is this run's.
func (r *run) resume() (*checkpoint, error) {
	if _, err := os.Stat(r.o.Checkpoint); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	of, err := r.reading.wait()
	if err != nil {
		return nil, err
	}
	return resume(r.o.Checkpoint, identity(r.o, of), r.o.network())
}

// close frees whatever load and prepare made.
func (r *run) close() error {
	var errs []error
	if r.reading != nil {
		errs = append(errs, r.reading.Close())
	}
	if r.data != nil {
		errs = append(errs, r.data.Close())
	}
	if r.stepper != nil {
		errs = append(errs, r.stepper.Close())
	}
	if r.calibrator != nil {
		errs = append(errs, r.calibrator.Close())
	}
	for _, b := range append(r.batches, r.spare) {
		if b != nil {
			errs = append(errs, b.Close())
		}
	}
	return errors.Join(errs...)
}

// total is the number of steps, without end for a run whose length is a time.
func (r *run) total() int {
	if r.o.Steps > 0 {
		return r.o.Steps
	}
	return math.MaxInt
}

func (r *run) elapsed() time.Duration { return r.before + time.Since(r.started) }

// share is the completed part of the run, shareAt that after n steps.
func (r *run) share() float64 { return r.shareAt(r.stepper.Step()) }

func (r *run) shareAt(step int) float64 {
	if r.o.Finish {
		return 1
	}
	if r.o.Steps > 0 {
		return float64(step) / float64(r.o.Steps)
	}
	return min(1, float64(r.elapsed())/float64(r.o.Duration))
}

// stepsPerRun is how many steps to make in the next run of the graph: up to the next
// validation, checkpoint or end.
func (r *run) stepsPerRun(step int) int {
	n := 1
	for n < r.source.shape.Steps && step+n < r.total() && !r.due(step+n) && (step+n)%r.o.Save != 0 {
		n++
	}
	return n
}

func (r *run) progressNow() Progress {
	p := Progress{Step: r.stepper.Step(), Steps: r.o.Steps, Share: r.share(), Loss: r.losses.mean(), Rate: r.rate}
	p.StepTime = time.Since(r.started) / time.Duration(max(1, r.stepper.Step()-r.first))
	if r.o.Steps > 0 {
		p.Remaining = time.Duration(r.o.Steps-r.stepper.Step()) * p.StepTime
	} else {
		p.Remaining = max(0, r.o.Duration-r.elapsed())
	}
	return p
}

// epochs is the number of passes over the data that so many steps make.
func (r *run) epochs(step int) float64 {
	return float64(step*r.o.Batch) / float64(r.source.samples.Len())
}

// due reports whether a step (1, 2, …) is to be validated.
func (r *run) due(step int) bool {
	if r.o.Every > 0 {
		return step%r.o.Every == 0
	}
	return math.Floor(r.epochs(step)/r.o.EveryEpochs) > math.Floor(r.epochs(step-1)/r.o.EveryEpochs)
}

// exhausted reports whether patience has run out.
func (r *run) exhausted() bool { return r.o.Patience > 0 && r.sinceBest >= r.o.Patience }

// save writes the checkpoint, if there is to be one.
func (r *run) save() error {
	if r.o.Checkpoint == "" {
		return nil
	}
	c, err := r.checkpoint()
	if err != nil {
		return err
	}
	return c.save(r.o.Checkpoint)
}

// checkpoint waits for the end of the reading: it names the data.
func (r *run) checkpoint() (*checkpoint, error) {
	of, err := r.reading.wait()
	return &checkpoint{Format: checkpointFormat, Run: identity(r.o, of), State: r.stepper.Snapshot(), Average: r.average.Values, Block: r.source.shape.Block,
		Elapsed: r.elapsed(), Best: r.best, Worse: r.sinceBest, Curve: r.curve, Losses: r.losses, Since: r.since, Rate: r.rate}, err
}

// mean is the mean of what was added.
type mean struct {
	Sum float64
	N   int
}

func (m *mean) add(v float64) { m.Sum, m.N = m.Sum+v, m.N+1 }

func (m mean) value() float64 { return m.Sum / float64(max(1, m.N)) }

// window averages the last losses.
type window struct{ Values []float64 }

func (w *window) add(v float64) {
	if w.Values = append(w.Values, v); len(w.Values) > 50 {
		w.Values = w.Values[1:]
	}
}

func (w *window) mean() float64 {
	var sum float64
	for _, v := range w.Values {
		sum += v
	}
	return sum / float64(max(1, len(w.Values)))
}
