package segment

import (
	"context"
	"errors"
	"fmt"

	"dicomnode/internal/raster"
	"dicomnode/segment/dark"
	"dicomnode/segment/decode"
	"dicomnode/segment/field"
	"dicomnode/segment/padding"
	"dicomnode/segment/picture"
	"dicomnode/segment/polarity"
	"dicomnode/segment/scales"
)

// Predictor is the network: scales.Network for the regions, which may be a scales.Passer. For
// Pipeline.Field the classes are unexposed, open beam and attenuated.
type Predictor interface {
	scales.Network
}

// Pipeline segments decoded images. It is safe for concurrent use if its Predictor and
// Calibration are.
type Pipeline struct {
	Predictor   Predictor
	Model       Model
	Trunk       *Variant          // for images of trunk and head; nil: Predictor segments them too
	Field       Predictor         // of the exposed field; nil: geometry finds it
	FieldDigest string            // SHA-256 of its bundle, hexadecimal
	Calibration dark.Calibrations // nil: no dark frames
	Config      Config
}

// Run segments one image. img is not changed. It returns errors of the Predictor wrapped, and
// an error if the prediction is invalid (size, not a number).
func (p *Pipeline) Run(ctx context.Context, img *decode.Image) (*Result, error) {
	if p.Predictor == nil {
		return nil, errors.New("segment image: no predictor")
	}
	if err := checkSize(img); err != nil {
		return nil, fmt.Errorf("segment image: %w", err)
	}
	res := begin(img)
	v, err := p.prepare(img, res)
	if err == nil && res.Polarity.Undecided {
		err = p.decide(ctx, v, &res.Polarity)
	}
	if err != nil {
		return nil, err
	}
	if res.Field, res.FieldRecord, err = p.findField(ctx, img, v.pix, v.x, v.geo); err != nil {
		return nil, err
	}
	if v.padding != nil {
		v.padding.Limit(res.Field)
		res.FieldRecord.Fraction = float64(res.Field.Count()) / float64(len(res.Field))
	}
	use, err := p.choose(ctx, res.BodyPart, v, res.Field)
	if err == nil {
		err = use.predict(ctx, v)
	}
	if err != nil {
		return nil, err
	}
	use.describe(res)
	res.Scales = v.answer.String()
	res.Quality = quality(img, v, res.Field)
	res.regions(use.Config, use.Config.Probabilities(v.answer.Map, v.pix, res.Field))
	spare.give(v.pix)
	return res, ctx.Err()
}

// prepare makes the picture: dark corrected, open beam bright as far as the attributes tell.
func (p *Pipeline) prepare(img *decode.Image, res *Result) (v *view, err error) {
	v = &view{pix: spare.take(len(img.Samples)), padding: padding.Find(img)}
	raster.Copy(v.pix, img.Samples)
	if v.padding != nil {
		res.Padding = v.padding.Record
	}
	v.padding.Hide(v.pix)
	res.Dark = dark.Correct(img, v.pix, p.Calibration)
	if res.Polarity, err = polarity.Canonical(img, v.pix); err != nil {
		return nil, err
	}
	v.padding.Fill(v.pix)
	v.x, v.geo = picture.Canonical(v.pix, img.Rows, img.Columns)
	return v, nil
}

func checkSize(img *decode.Image) error {
	if img.Rows < 1 || img.Columns < 1 || len(img.Samples) != img.Rows*img.Columns {
		return fmt.Errorf("%w: %d samples for %d×%d pixels", decode.ErrMalformed, len(img.Samples), img.Rows, img.Columns)
	}
	return nil
}

// begin is a result with what is known before any pixel is read.
func begin(img *decode.Image) *Result {
	return &Result{
		Rows: img.Rows, Columns: img.Columns, Frame: max(1, img.Frame), Frames: img.Frames, FrameReason: img.FrameReason,
		BodyPart: img.BodyPart(),
	}
}

// findField finds the exposed field, unless the configuration uses the whole frame.
func (p *Pipeline) findField(ctx context.Context, img *decode.Image, pix, x []float32, geo picture.Geometry) (picture.Mask, field.Record, error) {
	if p.Config.WholeFrame {
		mask, record := field.Whole(len(pix))
		return mask, record, nil
	}
	f := field.Finder{Model: p.FieldDigest}
	if p.Field != nil {
		f.Predict = p.Field.Predict
	}
	return f.Find(ctx, img, pix, x, geo)
}

// ExposedField finds the exposed field of a picture without attributes, as Run does: pix has
// rows×cols values row by row in arbitrary units, open beam bright.
func (p *Pipeline) ExposedField(ctx context.Context, pix []float32, rows, cols int) (picture.Mask, field.Record, error) {
	x, geo := picture.Canonical(pix, rows, cols)
	return p.findField(ctx, &decode.Image{Rows: rows, Columns: cols}, pix, x, geo)
}
