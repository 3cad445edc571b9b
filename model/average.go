package model

import (
	"math"
	"slices"

	"dicomnode/internal/raster"
)

// AverageMirrors is the value of a card's average for a model whose probabilities are the
// normalised geometric mean over the picture and its three mirror images (left-right,
// top-bottom, both): four times the cost for smoother contours. The geometric mean of
// probabilities is the arithmetic mean of logits, so a Calibration folded into the weights has
// the same effect with and without it.
const AverageMirrors = "mirrors"

// averageMirrors predicts x, Size×Size, and its mirror images.
func averageMirrors(x []float32, predict func([][]float32) ([][]float32, error)) ([]float32, error) {
	logs := make([]float64, numClasses*Size*Size)
	var turned [4][]float32
	for mirror := range turned {
		turned[mirror] = slices.Clone(x)
		raster.Flip(turned[mirror], Size, mirror)
	}
	answers, err := predict(turned[:])
	if err != nil {
		return nil, err
	}
	for mirror, p := range answers {
		for k := range numClasses {
			plane := p[k*Size*Size:][:Size*Size]
			raster.Flip(plane, Size, mirror)
			for i, v := range plane {
				logs[k*Size*Size+i] += math.Log(max(float64(v), 1e-12)) / 4
			}
		}
	}
	return normalise(logs), nil
}

// normalise is the softmax over the classes.
func normalise(logs []float64) []float32 {
	out, n := make([]float32, len(logs)), len(logs)/numClasses
	for i := range n {
		var q [numClasses]float64
		sum := 0.0
		for k := range q {
			q[k] = math.Exp(logs[k*n+i])
			sum += q[k]
		}
		for k := range q {
			out[k*n+i] = float32(q[k] / sum)
		}
	}
	return out
}
