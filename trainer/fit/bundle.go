package fit

import (
	"dicomnode/internal/option"
	"dicomnode/model"
)

// StartFrom starts the run from the parameters of a bundle, widened to o.Width and
// deepened to o.Architecture; what is zero is the bundle's.
func (o *Options) StartFrom(b *model.Bundle) error {
	if o.Width == 0 {
		o.Width = b.Card.Width
	}
	if o.Architecture == "" {
		o.Architecture = b.Card.Architecture
	}
	if o.Width < b.Card.Width {
		return option.Refuse("width", "%d cannot hold the %d filters of the bundle to start from", o.Width, b.Card.Width)
	}
	w, err := b.Weights()
	if err == nil && o.Width > b.Card.Width {
		w, err = w.Widen(o.Width, o.Seed)
	}
	if err == nil && o.Architecture != b.Card.Architecture {
		if w, err = w.Deepen(o.Architecture, o.Seed); err != nil {
			return option.Refuse("architecture", "%s: %w", o.Architecture, err)
		}
	}
	o.Init = &w
	return err
}

// Describe is what a run says of itself in a card: name, digest, seed and figures. command
// is the one that repeats it, and prints them; what the network dictates is filled in on export.
func (o Options) Describe(res *Result, command string) model.Card {
	card := model.Card{
		Name:     res.Weights.Network.String(),
		Training: model.Training{Digest: res.Digest, Images: res.Images, Seed: o.Seed, Command: command},
		Target:   o.Target,
	}
	if o.Target == model.Field {
		card.Name += " field"
	}
	if res.Validation != nil {
		card.Metrics = []model.Metric{{Name: "pixel accuracy at 200×200", Value: res.Validation.Accuracy, Data: "the validation images", Command: command}}
	}
	return card
}
