package trainercmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/model"
	"dicomnode/trainer/evaluate"
	"dicomnode/trainer/fit"
)

// fitReport tells of a run of trainer fit: a line for each point of the learning
// curve and one at the end, in words or in JSON, and a bar on a terminal.
type fitReport struct {
	out  io.Writer
	json bool
	bar  *progressbar.ProgressBar
	err  error // of writing to out

	mu      sync.Mutex // read is called beside step
	reading string     // how far the data were read, empty at their end
	steps   string     // how far the run is
}

func newFitReport(out, terminal io.Writer, asJSON bool) *fitReport {
	return &fitReport{out: out, json: asJSON, bar: command.NewShareBar(terminal, 1000)}
}

// fitPoint is the JSON line of a point of the learning curve.
type fitPoint struct {
	Event string `json:"event"` // "point"
	fit.Point
	Steps     int     `json:"steps,omitempty"` // of the whole run; absent when its length is a time
	Best      bool    `json:"best"`
	StepTime  float64 `json:"step_seconds"`
	Remaining float64 `json:"remaining_seconds"`
}

// fitDone is the JSON line of the end.
type fitDone struct {
	Event          string         `json:"event"` // "done"
	Bundle         string         `json:"bundle"`
	Digest         string         `json:"digest"`
	Step           int            `json:"step"` // that made the parameters
	Steps          int            `json:"steps"`
	Images         int            `json:"images"`
	Pictures       int            `json:"pictures"` // seen, each epoch anew
	Stopped        bool           `json:"stopped_early"`
	ValidationLoss evaluate.Value `json:"validation_loss"`
	Accuracy       evaluate.Value `json:"accuracy"`
}

// settings tells, in words only, how a run trains.
func (r *fitReport) settings(o fit.Options) {
	if r.json {
		return // the card in the bundle has the command
	}
	o = o.Defaults()
	every := fmt.Sprintf("after every %g epochs", o.EveryEpochs)
	if o.Every > 0 {
		every = fmt.Sprintf("after every %d steps", o.Every)
	}
	average := "none"
	if o.AverageDecay > 0 {
		average = fmt.Sprint(o.AverageDecay)
	}
	_, err := fmt.Fprintf(r.out, "%s: batches of %d, Adam at %g (%s, steps of warm-up: %d), L2 %g, moving average: %s, validation %s, patience %d (%s)\n",
		model.Network{Architecture: o.Architecture, Width: o.Width}, o.Batch, o.LearningRate, o.Schedule, max(0, o.WarmUp), o.L2, average, every, o.Patience, o.StopOn)
	r.err = errors.Join(r.err, err)
}

// read tells how far the data were read.
func (r *fitReport) read(done, total int) {
	r.describe(func() {
		if r.reading = fmt.Sprintf("read %d of %d images", done, total); done == total {
			r.reading = ""
		}
	})
}

// describe changes the text of the bar.
func (r *fitReport) describe(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	text := r.steps
	if r.reading != "" && text != "" {
		text += ", "
	}
	r.bar.Describe(text + r.reading)
}

// step tells of a step.
func (r *fitReport) step(p fit.Progress) {
	_ = r.bar.Set(int(1000 * p.Share)) // cosmetic, as all of the bar
	r.describe(func() { r.steps = describe(p) })
	if p.Point == nil {
		return
	}
	_ = r.bar.Clear()
	if r.json {
		r.line(fitPoint{Event: "point", Point: *p.Point, Steps: p.Steps, Best: p.Best, StepTime: p.StepTime.Seconds(), Remaining: p.Remaining.Seconds()})
		return
	}
	text := fmt.Sprintf("step %d, epoch %.3g: loss %.4f", p.Step, p.Point.Epoch, p.Point.Loss)
	if p.Validation != nil {
		text += fmt.Sprintf(", validation loss %.4f, accuracy %.4f", p.Point.ValidationLoss, p.Point.Accuracy)
	}
	if p.Best {
		text += ", the best so far"
	}
	_, err := fmt.Fprintln(r.out, text)
	r.err = errors.Join(r.err, err)
}

// describe is a step's part of the bar's text.
func describe(p fit.Progress) string {
	step := fmt.Sprintf("step %d", p.Step)
	if p.Steps > 0 {
		step += fmt.Sprintf(" of %d", p.Steps)
	}
	return fmt.Sprintf("%s, %.3g s each, at most %s left, loss %.4f", step, p.StepTime.Seconds(), p.Remaining.Round(time.Second), p.Loss)
}

func (r *fitReport) line(v any) { r.err = errors.Join(r.err, json.NewEncoder(r.out).Encode(v)) }

// done tells of the end.
func (r *fitReport) done(path string, b *model.Bundle, res *fit.Result) error {
	_ = r.bar.Finish()
	if !r.json {
		early := ""
		if res.Stopped {
			early = fmt.Sprintf(", stopped early, best at step %d", res.Step)
		}
		_, err := fmt.Fprintf(r.out, "%s written after %d steps on %d images%s, digest %s\n", path, res.Steps, res.Images, early, b.Digest)
		return errors.Join(r.err, err)
	}
	none := evaluate.Value(math.NaN())
	line := fitDone{Event: "done", Bundle: path, Digest: b.Digest, Step: res.Step, Steps: res.Steps, Images: res.Images,
		Pictures: res.Pictures, Stopped: res.Stopped, ValidationLoss: none, Accuracy: none}
	if v := res.Validation; v != nil {
		line.ValidationLoss, line.Accuracy = v.CrossEntropy, evaluate.Value(v.Accuracy)
	}
	r.line(line)
	return r.err
}
