package scales

import (
	"context"
	"fmt"
	"slices"

	"dicomnode/internal/raster"
	"dicomnode/segment/picture"
)

// Network is the model.
type Network interface {
	// Predict takes x, 1×1×200×200 float32 in [−1,1] (picture.Canonical), and returns
	// 1×3×200×200 probabilities, which sum to 1 over the classes: open beam, soft tissue and
	// bone. It is safe for concurrent use and does not keep x.
	Predict(ctx context.Context, x []float32) ([]float32, error)
}

// Passer is a Network with test-time augmentation of its own, which Pass leaves out.
type Passer interface {
	// Pass is Predict without mirror images.
	Pass(ctx context.Context, x []float32) ([]float32, error)
}

// Batcher is a Passer that can predict several pictures in one run.
type Batcher interface {
	// Passes returns the results of Pass for each of xs.
	Passes(ctx context.Context, xs [][]float32) ([][]float32, error)
}

// once predicts several canonical pictures, without mirror images.
func once(ctx context.Context, n Network, xs [][]float32) ([][]float32, error) {
	if b, ok := n.(Batcher); ok {
		return b.Passes(ctx, xs)
	}
	predict := n.Predict
	if p, ok := n.(Passer); ok {
		predict = p.Pass
	}
	out := make([][]float32, len(xs))
	for i, x := range xs {
		var err error
		if out[i], err = predict(ctx, x); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// probabilities predicts a canonical picture, checks the result and removes its padding.
func probabilities(ctx context.Context, predict func(context.Context, []float32) ([]float32, error), x []float32, geo picture.Geometry) (picture.Map, error) {
	p, err := predict(ctx, x)
	if err == nil {
		err = picture.CheckProbabilities(p)
	}
	if err != nil {
		return picture.Map{}, fmt.Errorf("predict regions: %w", err)
	}
	return geo.Map(p), nil
}

// view is a canonical picture to be mirrored before prediction: left-right if bit 0 of mirror
// is set, top-bottom if bit 1 is.
type view struct {
	x      []float32
	geo    picture.Geometry
	mirror int
}

// pass predicts several views once each. It returns probabilities without padding, mirrored
// back.
func pass(ctx context.Context, n Network, views []view) ([]picture.Map, error) {
	xs := make([][]float32, len(views))
	for i, v := range views {
		if xs[i] = v.x; v.mirror != 0 {
			xs[i] = slices.Clone(v.x)
			raster.Flip(xs[i], picture.Side, v.mirror)
		}
	}
	answers, err := once(ctx, n, xs)
	if err == nil && len(answers) != len(xs) {
		err = fmt.Errorf("%d answers about %d pictures", len(answers), len(xs))
	}
	if err != nil {
		return nil, fmt.Errorf("predict regions: %w", err)
	}
	maps := make([]picture.Map, len(views))
	for i, p := range answers {
		if err := picture.CheckProbabilities(p); err != nil {
			return nil, fmt.Errorf("predict regions: %w", err)
		}
		for c := range picture.Classes {
			raster.Flip(p[c*picture.Side*picture.Side:][:picture.Side*picture.Side], picture.Side, views[i].mirror)
		}
		maps[i] = views[i].geo.Map(p)
	}
	return maps, nil
}
