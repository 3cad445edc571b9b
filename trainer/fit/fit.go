// Package fit trains XNet and the networks it is compared with: the loop over the
// pictures, which it varies on the fly, validation, early stopping, the learning
// curve and the checkpoint. One step is package step's. It trains whole networks on
// one device; it neither simulates pictures nor chooses options.
//
// On one machine's CPU with a given number of threads a run is a function of its
// options and its data, also when it was interrupted and resumed from its
// checkpoint.
package fit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"dicomnode/model"
	"dicomnode/trainer/evaluate"
	"dicomnode/trainer/fit/step"
)

// Progress is the progress of a run, for its caller.
type Progress struct {
	Step      int           // steps done
	Steps     int           // number of steps; 0 if the run's length is a duration
	Share     float64       // of the run that is done, 0 to 1
	Loss      float64       // mean of the last 50 steps
	Rate      float64       // learning rate of the last step
	StepTime  time.Duration // mean since the start or the resumption
	Remaining time.Duration // estimated, without early stopping
	// Point is the point that this step added to the learning curve, nil when it
	// added none.
	Point *Point
	// Validation is the score of the averaged parameters after this step, nil
	// when this step was not validated.
	Validation *evaluate.Report
	// Weights holds the validated parameters when Validation is not nil.
	Weights *model.Weights
	Best    bool // Validation is the best so far, by Options.StopOn
}

// Result is a finished run.
type Result struct {
	Weights    model.Weights    // averaged parameters with their own statistics, the best ones with Options.Validation
	Step       int              // the step that made them
	Steps      int              // steps done
	Pictures   int              // pictures seen
	Images     int              // items trained on
	Digest     string           // of the items, dataset.Digest
	Validation *evaluate.Report // of Weights, nil without Options.Validation
	Validated  []Part           // the images of Validation
	Curve      []Point
	Stopped    bool // early, by Options.Patience
}

// ErrNoValidation is returned if a run is to stop early but has no validation images.
var ErrNoValidation = errors.New("patience needs images to validate on: a split \"val\" or another validation folder")

// Run trains as o says. progress, which may be nil, is called after every step,
// or several of Options.Together, from Run's goroutine. Steps begin while the data are read for the first time; a
// run that goes on from a checkpoint reads them before. When ctx ends, Run saves
// the checkpoint (if there is to be one), for which it reads to the end first, and
// returns ctx's error.
func Run(ctx context.Context, o Options, progress func(Progress)) (*Result, error) {
	o = o.Defaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("fit: %w", err)
	}
	r, err := newRun(ctx, o, progress)
	if err != nil {
		return nil, fmt.Errorf("fit: %w", err)
	}
	defer r.close()
	if err := r.steps(ctx); err != nil {
		return nil, fmt.Errorf("fit: %w", err)
	}
	result, err := r.result(ctx)
	if err != nil {
		return nil, fmt.Errorf("fit: %w", err)
	}
	return result, nil
}

// steps runs what is left of the run.
func (r *run) steps(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	free := make(chan *step.Batch, len(r.batches))
	for _, b := range r.batches {
		free <- b
	}
	ready := r.source.stream(inner, r.stepper.Step(), r.total(), r.stepsPerRun, free)
	defer func() { // wait for the stream's end: its batches are freed next
		cancel()
		for range ready {
		}
	}()
	if r.owed() {
		if err := r.after(ctx); err != nil {
			return r.ended(ctx, err)
		}
	}
	for !r.stopped && r.share() < 1 {
		b, ok := <-ready
		if !ok {
			return r.interrupted(ctx)
		}
		err := errors.Join(b.err, r.reading.failed())
		if err == nil {
			err = r.runSteps(ctx, b.Batch)
		}
		if err != nil {
			return r.ended(ctx, err)
		}
		free <- b.Batch
		if err := r.after(ctx); err != nil {
			return r.ended(ctx, err)
		}
	}
	return nil
}

// ended is what err makes of the run: interrupted when ctx has ended.
func (r *run) ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return r.interrupted(ctx)
	}
	return err
}

// owed reports whether the run was interrupted before the end of the validation that is due
// after its last step.
func (r *run) owed() bool {
	step := r.stepper.Step()
	over := !r.o.Finish && r.share() >= 1
	done := len(r.curve) > 0 && r.curve[len(r.curve)-1].Step >= step
	return step > 0 && !done && (over || r.due(step))
}

// interrupted saves what there is when ctx has ended.
func (r *run) interrupted(ctx context.Context) error {
	if r.stepper.Step() > r.first {
		if err := r.save(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// runSteps makes the steps of b.
func (r *run) runSteps(ctx context.Context, b *step.Batch) error {
	first := r.stepper.Step()
	rates := make([]float64, b.Steps)
	for i := range rates {
		rates[i] = r.o.rate(first+i, r.shareAt(first+i))
	}
	losses, err := r.stepper.Run(ctx, b, rates, r.average)
	if err != nil {
		return err
	}
	r.rate = rates[b.Steps-1]
	for i, loss := range losses {
		if math.IsNaN(float64(loss)) || math.IsInf(float64(loss), 0) {
			return fmt.Errorf("the loss is %g after step %d: lower the learning rate", loss, first+i+1)
		}
		r.losses.add(float64(loss))
		r.since.add(float64(loss))
	}
	return nil
}

// after validates, saves and reports when it is time to.
func (r *run) after(ctx context.Context) error {
	p := r.progressNow()
	last := r.share() >= 1
	point := last || r.due(r.stepper.Step())
	if point {
		if err := r.point(ctx, &p); err != nil {
			return err
		}
	}
	if r.progress != nil {
		r.progress(p)
	}
	if point || r.stepper.Step()%r.o.Save == 0 {
		return r.save()
	}
	return nil
}

// result exports the best parameters, or the last without a validation.
func (r *run) result(ctx context.Context) (*Result, error) {
	c := r.best
	if c.Step == 0 {
		var err error
		if c, err = r.candidate(ctx, r.o.Recalibrate); err != nil {
			return nil, err
		}
	} else if r.statisticsBatches() < r.o.Recalibrate { // the validation's were measured on fewer
		var err error
		if c.Statistics, err = r.statistics(ctx, c.Parameters, r.o.Recalibrate); err != nil {
			return nil, err
		}
	}
	w, err := r.weights(c)
	if err != nil {
		return nil, err
	}
	of, err := r.reading.wait()
	if err != nil {
		return nil, err
	}
	out := &Result{Weights: w, Step: c.Step, Steps: r.stepper.Step(), Pictures: r.stepper.Step() * r.o.Batch,
		Images: r.source.samples.Len(), Digest: of.train, Curve: r.curve, Stopped: r.stopped}
	if r.data.validation.Len() > 0 {
		out.Validated = r.data.validated
		out.Validation, err = r.measure(ctx, w)
	}
	return out, err
}
