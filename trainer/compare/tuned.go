package compare

import (
	"context"

	"dicomnode/trainer/compare/classical"
	"dicomnode/trainer/dataset"
)

// Tuned segments each image with that variant of a method which has the highest accuracy on it.
// It uses the label, so it is an upper limit for methods that do not. According to the paper
// (section 6) the 92 % of Pakin et al. were measured in this way, by tuning two parameters for
// each image.
type Tuned struct {
	Input  classical.Input      `json:"input"`
	Method classical.Tunable    `json:"method"`
	Values map[string][]float64 `json:"tuned"` // those tried, by the parameter's name
	fields *fields
}

// Prepare implements Preparer.
func (c Tuned) Prepare(ctx context.Context, s *dataset.Sample) error {
	_, err := c.fields.picture(ctx, c.Input, s)
	return err
}

// Segment implements Segmenter.
func (c Tuned) Segment(ctx context.Context, s *dataset.Sample) ([]uint8, error) {
	picture, err := c.fields.picture(ctx, c.Input, s)
	if err != nil {
		return nil, err
	}
	var best []uint8
	most := -1
	for _, m := range c.Method.Variants() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		classes, right := classical.Paste(m.Segment(picture), s.Geo), 0
		for i, truth := range s.Label {
			if truth != dataset.Ignore && classes[i] == truth {
				right++
			}
		}
		if right > most {
			best, most = classes, right
		}
	}
	return best, nil
}
