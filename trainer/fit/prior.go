package fit

import (
	"context"
	"fmt"
	"math"

	"dicomnode/model"
	"dicomnode/segment"
	"dicomnode/trainer/dataset"
)

// Prior shifts the classes' logits: what is added to the output bias of each
// class. Simulated pictures hold more bone than real ones, and a network trained
// on them expects as much.
type Prior [dataset.Classes]float64

// Apply returns w with the prior folded into its output bias; w is not changed.
func (p Prior) Apply(w model.Weights) (model.Weights, error) {
	flat := w.Flat()
	for _, a := range w.Network.Parameters() {
		if a.Name == model.OutBias {
			for i, shift := range p {
				flat[a.Offset+i] += float32(shift)
			}
		}
	}
	out := model.Weights{Network: w.Network, Arrays: map[string][]float32{}}
	if err := out.SetFlat(flat); err != nil {
		return out, err
	}
	return out, out.SetRunning(w.Running())
}

// FindPrior searches the prior with which p labels most pixels of the samples
// correctly: open beam and bone from −2 to 2 in steps of 0.1, soft tissue 0. It
// fits two numbers to the samples, so a figure measured on the same samples
// afterwards flatters; whoever quotes it must say so.
func FindPrior(ctx context.Context, samples []*dataset.Sample, p segment.Predictor) (best Prior, accuracy float64, err error) {
	const steps = 20
	var correct [2*steps + 1][2*steps + 1]int64
	var pixels int64
	x := make([]float32, dataset.Side*dataset.Side)
	for _, s := range samples {
		s.Picture(x)
		probabilities, err := p.Predict(ctx, x)
		if err != nil {
			return best, 0, fmt.Errorf("find prior: predict %s: %w", s.Item.ID, err)
		}
		n := len(x)
		for i, truth := range s.Label {
			if truth == dataset.Ignore {
				continue
			}
			pixels++
			open, soft, bone := logOf(probabilities[i]), logOf(probabilities[n+i]), logOf(probabilities[2*n+i])
			for a := range correct {
				o := open + float64(a-steps)/10
				for b := range correct[a] {
					if chosen(o, soft, bone+float64(b-steps)/10) == truth {
						correct[a][b]++
					}
				}
			}
		}
	}
	most := int64(-1)
	for a := range correct {
		for b, c := range correct[a] {
			if c > most {
				most = c
				best = Prior{float64(a-steps) / 10, 0, float64(b-steps) / 10}
			}
		}
	}
	return best, float64(most) / math.Max(1, float64(pixels)), nil
}

func logOf(p float32) float64 { return math.Log(math.Max(float64(p), 1e-12)) }

// chosen is the class with the greatest logit.
func chosen(open, soft, bone float64) uint8 {
	switch {
	case open >= soft && open >= bone:
		return dataset.OpenBeam
	case soft >= bone:
		return dataset.SoftTissue
	}
	return dataset.Bone
}
