package compare

import (
	"context"

	"dicomnode/segment"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
	"dicomnode/trainer/compare/classical"
	"dicomnode/trainer/dataset"
)

// Network segments by the most probable class of Predictor, the lower index on a tie, as
// package evaluate does. Its methods are not called concurrently.
type Network struct {
	Predictor segment.Predictor
	Effort    scales.Effort // of the predictions; scales.Whole needs only the sample

	prepared *dataset.Sample  // the sample of the last Prepare
	full     *dataset.Picture // its picture
}

// Prepare implements Preparer: it reads the sample's picture if its parts are predicted.
func (n *Network) Prepare(_ context.Context, s *dataset.Sample) (err error) {
	n.prepared, n.full = s, nil
	if n.Effort.Parts() {
		n.full, err = s.Original()
	}
	return err
}

// Segment implements Segmenter.
func (n *Network) Segment(ctx context.Context, s *dataset.Sample) ([]uint8, error) {
	if n.prepared != s {
		if err := n.Prepare(ctx, s); err != nil {
			return nil, err
		}
	}
	m, err := n.ask(ctx, s)
	if err != nil {
		return nil, err
	}
	p, out := m.Answer(), make([]uint8, Side*Side)
	for i := range out {
		for k := 1; k < dataset.Classes; k++ {
			if p[k*len(out)+i] > p[int(out[i])*len(out)+i] {
				out[i] = uint8(k)
			}
		}
	}
	return out, nil
}

// ask predicts the picture, or only the sample if there is none.
func (n *Network) ask(ctx context.Context, s *dataset.Sample) (picture.Map, error) {
	if n.full != nil {
		return n.Answer(ctx, n.full)
	}
	x := make([]float32, Side*Side)
	s.Picture(x)
	a, err := n.Effort.PredictWhole(ctx, n.Predictor, x, s.Geo)
	if err != nil {
		return picture.Map{}, err
	}
	return a.Map, nil
}

// Answer implements Answerer.
func (n *Network) Answer(ctx context.Context, p *dataset.Picture) (picture.Map, error) {
	a, err := n.Effort.Predict(ctx, n.Predictor, scales.Picture{Pix: p.Pix, Rows: p.Rows, Columns: p.Cols})
	if err != nil {
		return picture.Map{}, err
	}
	return a.Map, nil
}

// Classical segments by a classical method.
type Classical struct {
	Input  classical.Input  `json:"input"`
	Method classical.Method `json:"method"`
	fields *fields
}

// fields are what Input.Outside found, by id, so that methods need not search again.
type fields struct {
	finder  classical.FieldFinder
	outside map[string][]bool
}

// picture is what methods see of a sample. Its field is searched once.
func (f *fields) picture(ctx context.Context, in classical.Input, s *dataset.Sample) (classical.Picture, error) {
	x := make([]float32, Side*Side)
	s.Picture(x)
	outside, ok := f.outside[s.Item.ID]
	if !ok {
		var err error
		if outside, err = in.Outside(ctx, f.finder, x, s.Geo); err != nil {
			return classical.Picture{}, err
		}
		f.outside[s.Item.ID] = outside
	}
	return in.Picture(x, s.Geo, outside), nil
}

// Prepare implements Preparer.
func (c Classical) Prepare(ctx context.Context, s *dataset.Sample) error {
	_, err := c.fields.picture(ctx, c.Input, s)
	return err
}

// Segment implements Segmenter.
func (c Classical) Segment(ctx context.Context, s *dataset.Sample) ([]uint8, error) {
	picture, err := c.fields.picture(ctx, c.Input, s)
	if err != nil {
		return nil, err
	}
	return classical.Paste(c.Method.Segment(picture), s.Geo), nil
}

// ClassicalEntries makes an entry of each method and, if tuned is true, of each that has
// parameters to optimise for an image. All are given the exposed field of finder, which is
// called once for each image, and not at all if p.Input.Field is false.
func ClassicalEntries(p classical.Parameters, tuned bool, finder classical.FieldFinder) []Entry {
	var out []Entry
	f := &fields{finder, map[string][]bool{}}
	add := func(name, kind string, m classical.Method, s Segmenter) {
		out = append(out, Entry{
			Identity: Identity{Name: name, Kind: kind, Method: m.Name(), Parameters: s},
			Open:     func() (Segmenter, error) { return s, nil },
		})
	}
	for _, m := range p.Methods() {
		add(m.Name(), KindClassical, m, Classical{p.Input, m, f})
	}
	for _, m := range p.Methods() {
		if t, ok := m.(classical.Tunable); ok && tuned {
			add(m.Name()+", tuned per image", KindTuned, m, Tuned{p.Input, t, t.Tuned(), f})
		}
	}
	return out
}
