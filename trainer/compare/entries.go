package compare

import (
	"context"
	"fmt"

	"dicomnode/segment"
	"dicomnode/trainer/compare/classical"
	"dicomnode/trainer/dataset"
)

// Network segments by the most probable class of p, the lower index on a tie, as
// package evaluate does.
type Network struct{ Predictor segment.Predictor }

// Segment implements Segmenter.
func (n Network) Segment(ctx context.Context, s *dataset.Sample) ([]uint8, error) {
	p, err := n.Answer(ctx, s)
	if err != nil {
		return nil, err
	}
	out := make([]uint8, Side*Side)
	for i := range out {
		for k := 1; k < dataset.Classes; k++ {
			if p[k*len(out)+i] > p[int(out[i])*len(out)+i] {
				out[i] = uint8(k)
			}
		}
	}
	return out, nil
}

// Answer implements Answerer.
func (n Network) Answer(ctx context.Context, s *dataset.Sample) ([]float32, error) {
	x := make([]float32, Side*Side)
	s.Picture(x)
	p, err := n.Predictor.Predict(ctx, x)
	if err != nil {
		return nil, err
	}
	if len(p) != dataset.Classes*len(x) {
		return nil, fmt.Errorf("%d probabilities, want %d", len(p), dataset.Classes*len(x))
	}
	return p, nil
}

// Classical segments by a method that learns nothing.
type Classical struct{ Method classical.Method }

// Segment implements Segmenter.
func (c Classical) Segment(_ context.Context, s *dataset.Sample) ([]uint8, error) {
	x := make([]float32, Side*Side)
	s.Picture(x)
	return classical.Paste(c.Method.Segment(classical.NewPicture(x, s.Geo)), s.Geo), nil
}

// ClassicalEntries makes an entry of each method.
func ClassicalEntries(p classical.Parameters) []Entry {
	var out []Entry
	for _, m := range p.Methods() {
		out = append(out, Entry{
			Identity: Identity{Name: m.Name(), Kind: KindClassical, Parameters: m},
			Open:     func() (Segmenter, error) { return Classical{m}, nil },
		})
	}
	return out
}
