package calibrate

import (
	"context"
	"errors"
	"io"

	"dicomnode/model"
	"dicomnode/segment"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// Session is a bundle that is ready to predict; its opener closes it.
type Session interface {
	segment.Predictor
	io.Closer
}

// Options of a correction.
type Options struct {
	Open    func(*model.Bundle) (Session, error) // makes a bundle ready to predict
	Library string                               // of ONNX Runtime, for the golden image; "": searched for
	Mirrors bool                                 // the model averages over the mirror images of each image
	Version string                               // in the card; "": the model's with "-calibrated"
	Step    func()                               // called after each prediction, 3 times for each sample; may be nil

	// Metrics are the figures of the card, with the commands that print them.
	Metrics func(c *Calibrated) []model.Metric
}

// Calibrated is a calibrated bundle and its scores at the network's 200×200.
type Calibrated struct {
	Bundle        *model.Bundle
	Before, After *evaluate.Report // on the samples; After is optimistic, because it was fitted on them
	Expected      evaluate.Summary // leave-one-out
}

// Correct fits temperature and class biases on the samples and folds them into the bundle. The
// old soft-tissue thresholds, which are invalid for the new probabilities, are removed.
func (o Options) Correct(ctx context.Context, old *model.Bundle, samples []*dataset.Sample) (*Calibrated, error) {
	old, err := o.averaging(old)
	if err != nil {
		return nil, err
	}
	c := &Calibrated{}
	scaling, err := o.learn(ctx, old, samples, c)
	if err != nil {
		return nil, err
	}
	if c.Before, err = o.measure(ctx, old, samples); err != nil {
		return nil, err
	}
	card := o.card(old.Card, scaling, samples)
	if c.Bundle, err = o.export(old, scaling, card); err != nil {
		return nil, err
	}
	if c.After, err = o.measure(ctx, c.Bundle, samples); err != nil {
		return nil, err
	}
	card.Metrics = o.Metrics(c)
	c.Bundle, err = o.export(old, scaling, card)
	return c, err
}

// averaging is the bundle that averages as the corrected one will.
func (o Options) averaging(b *model.Bundle) (*model.Bundle, error) {
	if !o.Mirrors {
		return b, nil
	}
	w, err := b.Weights()
	if err != nil {
		return nil, err
	}
	card := b.Card
	card.Average = model.AverageMirrors
	return model.Export(w, card, o.Library)
}

func (o Options) learn(ctx context.Context, b *model.Bundle, samples []*dataset.Sample, c *Calibrated) (Scaling, error) {
	s, err := o.Open(b)
	if err != nil {
		return Scaling{}, err
	}
	pictures, err := Predict(ctx, samples, o.counted(s))
	if err = errors.Join(err, s.Close()); err != nil {
		return Scaling{}, err
	}
	scaling, err := Fit(pictures)
	if err != nil {
		return scaling, err
	}
	c.Expected, err = LeaveOneOut(pictures)
	return scaling, err
}

func (o Options) measure(ctx context.Context, b *model.Bundle, samples []*dataset.Sample) (*evaluate.Report, error) {
	s, err := o.Open(b)
	if err != nil {
		return nil, err
	}
	r, err := evaluate.Measure(ctx, samples, o.counted(s))
	return r, errors.Join(err, s.Close())
}

func (o Options) export(old *model.Bundle, s Scaling, card model.Card) (*model.Bundle, error) {
	w, err := old.Weights()
	if err != nil {
		return nil, err
	}
	if w, err = s.Apply(w); err != nil {
		return nil, err
	}
	return model.Export(w, card, o.Library)
}

// card is the old card with the calibration, without figures and without thresholds.
func (o Options) card(old model.Card, s Scaling, samples []*dataset.Sample) model.Card {
	card := old
	card.Metrics, card.SoftTissue = nil, model.Thresholds{}
	if card.Version = o.Version; card.Version == "" {
		card.Version = old.Version + "-calibrated"
	}
	card.Calibration = &model.Calibration{Digest: dataset.Digest(samples), Images: len(samples), Scale: s.Scale, Shift: s.Shift[:]}
	return card
}

// counted calls o.Step after each prediction.
func (o Options) counted(p segment.Predictor) segment.Predictor {
	if o.Step == nil {
		return p
	}
	return counted{p, o.Step}
}

type counted struct {
	segment.Predictor
	step func()
}

// Predict implements segment.Predictor.
func (c counted) Predict(ctx context.Context, x []float32) ([]float32, error) {
	p, err := c.Predictor.Predict(ctx, x)
	c.step()
	return p, err
}
