package fit

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"

	"dicomnode/model"
	"dicomnode/trainer/evaluate"
)

// point adds a point to the learning curve, validated if there is data for it.
func (r *run) point(ctx context.Context, p *Progress) error {
	none := evaluate.Value(math.NaN())
	at := Point{Step: r.stepper.Step(), Epoch: r.epochs(r.stepper.Step()), Loss: r.since.value(), Rate: r.rate, Seconds: r.elapsed().Seconds(),
		ValidationLoss: none, Accuracy: none, SoftF1: none, BoneF1: none}
	if r.data.validation.Len() > 0 {
		if err := r.validate(ctx, p); err != nil {
			return err
		}
		v := p.Validation
		at.ValidationLoss, at.Accuracy = v.CrossEntropy, evaluate.Value(v.Accuracy)
		if r.o.Target == model.Regions {
			at.SoftF1, at.BoneF1 = evaluate.Value(v.Classes[1].F1), evaluate.Value(v.Classes[2].F1)
		}
	}
	r.curve, r.since, p.Point = append(r.curve, at), mean{}, &at
	if r.o.Curve == "" {
		return nil
	}
	return writeCurve(r.o.Curve, r.curve, r.best.Step)
}

// validate scores the parameters of now and keeps them when they are the best.
func (r *run) validate(ctx context.Context, p *Progress) error {
	c, err := r.candidate(ctx, r.statisticsBatches())
	if err != nil {
		return err
	}
	w, err := r.weights(c)
	if err != nil {
		return err
	}
	if p.Validation, err = r.measure(ctx, w); err != nil {
		return err
	}
	c.Accuracy, c.Loss = p.Validation.Accuracy, float64(p.Validation.CrossEntropy)
	p.Weights, p.Best = &w, c.better(r.best, r.o.StopOn)
	if p.Best {
		r.best, r.sinceBest = c, 0
		return nil
	}
	r.sinceBest++
	r.stopped = r.exhausted()
	return nil
}

// statisticsBatches is the number of batches on which a validation estimates statistics: at
// most as many as are trained on between two validations, so that validation costs less than
// training even on a small data set.
func (r *run) statisticsBatches() int {
	between := r.o.Every
	if between == 0 {
		between = stepsOf(r.o.EveryEpochs, r.source.samples.Len(), r.o.Batch)
	}
	return min(r.o.Recalibrate, max(1, between))
}

// candidate is the averaged parameters with their statistics over n batches.
func (r *run) candidate(ctx context.Context, n int) (candidate, error) {
	c := candidate{Step: r.stepper.Step(), Parameters: slices.Clone(r.average.Values)}
	if r.o.AverageDecay < 0 {
		c.Parameters = slices.Clone(r.stepper.Parameters())
	}
	var err error
	c.Statistics, err = r.statistics(ctx, c.Parameters, n)
	return c, err
}

// statistics are those of the parameters over the first n batches.
func (r *run) statistics(ctx context.Context, parameters []float32, n int) ([]float32, error) {
	return r.calibrator.Measure(ctx, parameters, n, r.spare, func(i int) error { return r.source.fill(r.spare, i, 1) })
}

func (r *run) weights(c candidate) (model.Weights, error) {
	w := model.Weights{Network: r.o.network(), Arrays: map[string][]float32{}}
	return w, errors.Join(w.SetFlat(c.Parameters), w.SetRunning(c.Statistics))
}

// measure scores w on the validation data.
func (r *run) measure(ctx context.Context, w model.Weights) (*evaluate.Report, error) {
	card := model.Card{Name: "candidate", Version: "0", Licence: "none", Target: r.o.Target}
	bundle, err := model.Export(w, card, r.o.Library)
	if err != nil {
		return nil, err
	}
	s, err := model.Open(bundle, model.Options{Target: r.o.Target, Device: r.o.Device, Library: r.o.Library, Threads: r.o.Threads})
	if err != nil {
		return nil, err
	}
	report, err := evaluate.MeasureAll(ctx, r.data.validation.All(ctx, runtime.GOMAXPROCS(0)), s)
	return report, errors.Join(err, s.Close())
}
