// Package calibrate corrects a trained network's probabilities with three
// numbers fitted on labelled images: their sharpness (temperature scaling,
// Guo et al., On Calibration of Modern Neural Networks, ICML 2017) and how common
// each class is. A network trained on simulated radiographs expects their share
// of bone; an institution's own images have another. The three numbers are folded
// into the output convolution, so that a calibrated model is an ordinary bundle.
package calibrate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"

	"dicomnode/model"
	"dicomnode/segment"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// Scaling replaces a network's logits z by Scale·z + Shift, class by class.
type Scaling struct {
	Scale float64                  `json:"scale"` // 1 / temperature
	Shift [dataset.Classes]float64 `json:"shift"` // of open beam, soft tissue (always 0) and bone
}

// Identity changes nothing.
var Identity = Scaling{Scale: 1}

// Apply folds s into the output convolution of w, which is not changed. Kernels in half precision
// stay so.
func (s Scaling) Apply(w model.Weights) (model.Weights, error) {
	out := model.Weights{Network: w.Network, Half: w.Half, Arrays: map[string][]float32{}}
	if err := errors.Join(out.SetFlat(w.Flat()), out.SetRunning(w.Running())); err != nil {
		return out, fmt.Errorf("calibrate: %w", err)
	}
	kernel, bias := out.Arrays[model.OutKernel], out.Arrays[model.OutBias]
	for i := range kernel {
		kernel[i] *= float32(s.Scale)
	}
	for k := range bias {
		bias[k] = float32(s.Scale*float64(bias[k]) + s.Shift[k])
	}
	return out, nil
}

// Picture has the network's prediction for an image's labelled pixels.
type Picture struct {
	ID       string
	BodyPart string
	truth    []uint8                    // class of each pixel
	logits   [][dataset.Classes]float32 // logarithms of the probabilities
}

// Predict runs the network on the samples.
func Predict(ctx context.Context, samples []*dataset.Sample, p segment.Predictor) ([]Picture, error) {
	x := make([]float32, dataset.Side*dataset.Side)
	pictures := make([]Picture, 0, len(samples))
	for _, s := range samples {
		s.Picture(x)
		probabilities, err := p.Predict(ctx, x)
		if err != nil {
			return nil, fmt.Errorf("calibrate: predict %s: %w", s.Item.ID, err)
		}
		if len(probabilities) != dataset.Classes*len(x) {
			return nil, fmt.Errorf("calibrate: predict %s: %d probabilities, want %d", s.Item.ID, len(probabilities), dataset.Classes*len(x))
		}
		pictures = append(pictures, pictureOf(s, probabilities))
	}
	return pictures, nil
}

func pictureOf(s *dataset.Sample, probabilities []float32) Picture {
	picture, n := Picture{ID: s.Item.ID, BodyPart: s.Item.BodyPart}, len(s.Label)
	for i, truth := range s.Label {
		if truth >= dataset.Classes {
			continue
		}
		var logits [dataset.Classes]float32
		for k := range logits {
			logits[k] = float32(math.Log(max(float64(probabilities[k*n+i]), 1e-12)))
		}
		picture.truth, picture.logits = append(picture.truth, truth), append(picture.logits, logits)
	}
	return picture
}

// Confusion is the confusion matrix of the calibrated network on a picture.
func (s Scaling) Confusion(p Picture) evaluate.Confusion {
	var c evaluate.Confusion
	for i, truth := range p.truth {
		best, most := 0, math.Inf(-1)
		for k, z := range p.logits[i] {
			if v := s.Scale*float64(z) + s.Shift[k]; v > most {
				best, most = k, v
			}
		}
		c[truth][best]++
	}
	return c
}

// LeaveOneOut scores each picture with the scaling fitted to all others: what to
// expect of pictures that the scaling has not seen.
func LeaveOneOut(pictures []Picture) (evaluate.Summary, error) {
	all, err := Fit(pictures)
	if err != nil {
		return evaluate.Summary{}, err
	}
	counts := make([]evaluate.Confusion, len(pictures))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range pictures {
		g.Go(func() error {
			others := append(append([]Picture{}, pictures[:i]...), pictures[i+1:]...)
			s, err := fitFrom(all, others)
			if err != nil {
				return err
			}
			counts[i] = s.Confusion(pictures[i])
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return evaluate.Summary{}, err
	}
	var sum evaluate.Confusion
	for _, c := range counts {
		sum.Add(c)
	}
	return evaluate.Summarise(sum), nil
}
