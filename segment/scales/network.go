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
	// 1×3×200×200 probabilities that sum to 1 over the classes: open beam, soft tissue and
	// bone. It is safe for concurrent use and does not keep x.
	Predict(ctx context.Context, x []float32) ([]float32, error)
}

// Passer is a Network that averages over mirror images by itself and can leave that out.
type Passer interface {
	// Pass is Predict of x alone.
	Pass(ctx context.Context, x []float32) ([]float32, error)
}

// once asks n about a canonical picture alone.
func once(ctx context.Context, n Network, x []float32) ([]float32, error) {
	if p, ok := n.(Passer); ok {
		return p.Pass(ctx, x)
	}
	return n.Predict(ctx, x)
}

// probabilities checks what ask says of a canonical picture and takes it out of its padding.
func probabilities(ctx context.Context, ask func(context.Context, []float32) ([]float32, error), x []float32, geo picture.Geometry) (picture.Map, error) {
	p, err := ask(ctx, x)
	if err == nil {
		err = picture.CheckProbabilities(p)
	}
	if err != nil {
		return picture.Map{}, fmt.Errorf("predict regions: %w", err)
	}
	return geo.Map(p), nil
}

// pass asks n once about a canonical picture, mirrored left-right for bit 0 of mirror and
// top-bottom for bit 1, and returns the logarithms of the answer where the picture is.
func pass(ctx context.Context, n Network, x []float32, geo picture.Geometry, mirror int) (picture.Map, error) {
	m, err := probabilities(ctx, func(ctx context.Context, x []float32) ([]float32, error) {
		x = slices.Clone(x)
		raster.Flip(x, picture.Side, mirror)
		p, err := once(ctx, n, x)
		for k := 0; err == nil && k+len(x) <= len(p); k += len(x) {
			raster.Flip(p[k:k+len(x)], picture.Side, mirror)
		}
		return p, err
	}, x, geo)
	for i, v := range m.P {
		m.P[i] = picture.Logarithm(v)
	}
	return m, err
}
