package segment

import (
	"context"
	"fmt"
	"slices"

	"dicomnode/segment/padding"
	"dicomnode/segment/picture"
	"dicomnode/segment/polarity"
	"dicomnode/segment/scales"
)

// minMargin is the difference of confidence below which the choice of polarity is uncertain.
const minMargin = 0.08

// decide lets the network predict the picture in both polarities, if its attributes do not
// determine it, and keeps the one with the higher confidence.
func (p *Pipeline) decide(ctx context.Context, v *view, r *polarity.Record) error {
	turned := &view{pix: slices.Clone(v.pix), padding: v.padding}
	turned.padding.Hide(turned.pix)
	polarity.Turn(turned.pix, 0)
	turned.padding.Fill(turned.pix)
	turned.x, turned.geo = picture.Canonical(turned.pix, v.geo.Rows, v.geo.Columns)
	for _, w := range []*view{v, turned} {
		var err error
		if w.answer, err = p.Config.Effort.PredictWhole(ctx, p.Predictor, w.x, w.geo); err != nil {
			return err
		}
	}
	r.Margin = v.confidence() - turned.confidence()
	if r.Margin < 0 {
		*v, r.Inverted, r.Margin = *turned, true, -r.Margin
	}
	if r.Margin < minMargin {
		r.Warning = fmt.Sprintf("the picture hardly tells which end of its values is the open beam (margin %.3f)", r.Margin)
	}
	return nil
}

// view is an image as it is given to the network.
type view struct {
	pix     []float32 // Rows×Columns, open beam bright
	x       []float32 // the canonical picture, 1×1×200×200
	geo     picture.Geometry
	padding *padding.Padding // nil if there is none
	answer  *scales.Answer   // of the network; nil: not predicted yet
	trunk   bool             // answer is of the model of trunk and head
}

// confidence is the mean over the classes of the mean probability where each is the most
// probable, without padding; a class that hardly occurs counts 0. A picture with inverted
// polarity may be predicted as open beam with high confidence, but not as all three classes.
func (v *view) confidence() float64 {
	p, label := v.answer.WholeMap.P, likeliest(v.answer.WholeMap)
	var sum, count [picture.Classes]float64
	for i, c := range label {
		sum[c] += float64(p[int(c)*len(label)+i])
		count[c]++
	}
	var mean float64
	for c := range sum {
		if count[c] > rare*float64(len(label)) {
			mean += sum[c] / count[c] / picture.Classes
		}
	}
	return mean
}

// rare is the share of the picture below which a class hardly occurs.
const rare = 0.002
