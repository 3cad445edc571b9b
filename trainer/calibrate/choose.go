package calibrate

import (
	"context"

	"dicomnode/model"
	"dicomnode/segment"
	"dicomnode/segment/scales"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// Chosen are soft-tissue thresholds and how they were chosen.
type Chosen struct {
	How        *model.Choice `json:"chosen"`
	Thresholds []Operating   `json:"thresholds"`
}

// Choose counts the soft tissue of the items of folders that data selects and finds the
// thresholds that want requires. refine names at.Guided in the card.
func Choose(ctx context.Context, folders []string, data evaluate.Options, p segment.Predictor, at Place, refine string, want Want) (Chosen, error) {
	counts, samples, err := Count(ctx, folders, data, p, at)
	if err != nil {
		return Chosen{}, err
	}
	list, err := FindThresholds(counts, want)
	if err != nil {
		return Chosen{}, err
	}
	how := &model.Choice{At: model.AtNetwork, Weigh: want.Weigh, Precision: want.Precision, FalsePositiveRate: want.FalsePositiveRate, Images: len(samples), Digest: dataset.Digest(samples)}
	how.NotReached = want.missed(list)
	if at.Effort != scales.Whole {
		how.Effort = string(at.Effort)
	}
	if at.Native {
		how.At, how.Refine = model.AtNative, refine
	}
	return Chosen{how, list}, nil
}

// Apply is the bundle with the thresholds in its card, and that version unless it is
// empty. library is as of model.Export.
func (c Chosen) Apply(b *model.Bundle, version, library string) (*model.Bundle, error) {
	w, err := b.Weights()
	if err != nil {
		return nil, err
	}
	card := b.Card
	card.SoftTissue = Thresholds(c.Thresholds, c.How)
	if version != "" {
		card.Version = version
	}
	return model.Export(w, card, library)
}
