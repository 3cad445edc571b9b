package scales

import (
	"context"
	"fmt"
	"math"

	"dicomnode/internal/raster"
	"dicomnode/segment/picture"
)

// Answer is the network's answer for a picture.
type Answer struct {
	picture.Map
	// WholeMap is the answer for the whole picture before parts were used, at the network's pixels.
	WholeMap picture.Map
	Mirrors  int  // number of predictions, mirror images included, of which WholeMap is the mean; 0: chosen by the model
	Parts    int  // number of parts that were predicted
	Fused    bool // the parts were confident enough and are included in Map
	Second   bool // another network predicted the whole picture before and was unsure; set by the caller

	// MirrorDoubt and ScaleDoubt measure the disagreement of the mirror images, and of the
	// parts and the whole, at each pixel of WholeMap: half the sum over the classes of the
	// absolute differences of their probabilities, 0 to 1. They are nil if there was nothing to
	// compare.
	MirrorDoubt, ScaleDoubt []float32
}

// String describes how the answer was computed, for the parameters of a result.
func (a *Answer) String() string {
	s := "whole picture"
	switch {
	case a.Mirrors == 2:
		s += " and its left-right mirror image"
	case a.Mirrors > 2:
		s += fmt.Sprintf(" and %d mirror images", a.Mirrors-1)
	}
	switch {
	case a.Parts == 0:
	case a.Fused:
		s += fmt.Sprintf(", %d parts", a.Parts)
	default:
		s += fmt.Sprintf(", %d parts that were less sure and left out", a.Parts)
	}
	if a.Second {
		s += ", because another model was unsure"
	}
	return s
}

// Picture is a picture to be predicted: Rows×Columns values, row by row in arbitrary units,
// open beam bright.
type Picture struct {
	Pix           []float32
	Rows, Columns int
}

// Predict predicts a picture with n.
func (e Effort) Predict(ctx context.Context, n Network, p Picture) (*Answer, error) {
	x, geo := picture.Canonical(p.Pix, p.Rows, p.Columns)
	a, err := e.PredictWhole(ctx, n, x, geo)
	if err != nil {
		return nil, err
	}
	return a, e.PredictParts(ctx, n, p, a)
}

// PredictWhole predicts a whole picture with n. x and geo are from picture.Canonical.
func (e Effort) PredictWhole(ctx context.Context, n Network, x []float32, geo picture.Geometry) (*Answer, error) {
	mirrors := plans[e.orDefault()].mirrors
	if mirrors == 0 {
		m, err := probabilities(ctx, n.Predict, x, geo)
		return &Answer{Map: m, WholeMap: m}, err
	}
	views := make([]view, mirrors)
	for mirror := range views {
		views[mirror] = view{x, geo, mirror}
	}
	answers, err := pass(ctx, n, views)
	if err != nil {
		return nil, err
	}
	mean := meanOf(answers)
	a := &Answer{Map: mean, WholeMap: mean, Mirrors: mirrors}
	if mirrors > 1 {
		a.MirrorDoubt = make([]float32, mean.Height*mean.Width)
		for _, one := range answers {
			addDifference(a.MirrorDoubt, mean.Width, one.P, mean.P, 1/float32(mirrors))
		}
	}
	return a, nil
}

// meanOf returns the normalised geometric mean of answers, whose number is a power of two.
func meanOf(answers []picture.Map) picture.Map {
	mean := picture.Map{Geometry: answers[0].Geometry, P: make([]float32, len(answers[0].P))}
	n := mean.Height * mean.Width
	raster.Blocks(n, func(from, to int) {
		for i := from; i < to; i++ {
			product := [picture.Classes]float64{1, 1, 1}
			for _, a := range answers {
				for c := range product {
					product[c] *= picture.Possible(a.P[c*n+i])
				}
			}
			for k := len(answers); k > 1; k /= 2 {
				for c, v := range product {
					product[c] = math.Sqrt(v)
				}
			}
			mean.P[i], mean.P[n+i], mean.P[2*n+i] = picture.Normalised(product)
		}
	})
	return mean
}

// addDifference adds weight times the differences of a and b to doubt, whose rows have width
// cells.
func addDifference(doubt []float32, width int, a, b []float32, weight float32) {
	n := len(doubt)
	raster.Parallel(n/width, func(y int) {
		for i := y * width; i < (y+1)*width; i++ {
			doubt[i] += difference(at(a, i, n), at(b, i, n)) * weight
		}
	})
}

// difference returns half the sum over the classes of |a − b|.
func difference(a, b [picture.Classes]float32) float32 {
	return (max(a[0]-b[0], b[0]-a[0]) + max(a[1]-b[1], b[1]-a[1]) + max(a[2]-b[2], b[2]-a[2])) / 2
}

// least is the ratio of a picture's longer side to the network's input above which its parts
// are predicted.
const least = 1.5

// PredictParts predicts parts of the picture with n and fuses their answers into a, the answer of PredictWhole.
func (e Effort) PredictParts(ctx context.Context, n Network, p Picture, a *Answer) error {
	plan := plans[e.orDefault()]
	if plan.parts == 0 || float64(max(p.Rows, p.Columns)) < least*picture.Side {
		return nil
	}
	chosen := choose(a.WholeMap, plan)
	if a.Parts = len(chosen); a.Parts == 0 {
		return nil
	}
	views := make([]view, len(chosen))
	for i, r := range chosen {
		views[i].x, views[i].geo = picture.CanonicalOf(r.of(p))
		if plan.flip {
			views[i].mirror = i % 2
		}
	}
	answers, err := pass(ctx, n, views)
	if err != nil {
		return err
	}
	f := newFusion(a.WholeMap)
	for i, r := range chosen {
		f.add(r, answers[i])
	}
	f.into(a)
	return nil
}
