package segment

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"dicomnode/internal/raster"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
)

// LeastQuality is the default of the quality below which a result should be reviewed. It was
// chosen on 392 pictures. Of 240 others, 43 of the 44 with accuracy below 0.85 are below it, and 21 of
// the 137 with accuracy above 0.93 (docs/model/reference.md).
const LeastQuality = 0.90

// Quality estimates how far a result can be trusted.
type Quality struct {
	// Figure is the quality, 0 to 1: Confidence minus MirrorDoubt, or a fifth of ScaleDoubt if
	// there are no mirror images, plus Allowance; 0 if the image is no projection radiograph.
	Figure float64
	// Confidence is the mean probability of the predicted class, in the exposed field, as the
	// others.
	Confidence float64
	// MirrorDoubt and ScaleDoubt are the means of those of scales.Answer; negative: not
	// measured.
	MirrorDoubt, ScaleDoubt float64
	// Allowance makes figures of the two models comparable: at the same accuracy the model of trunk
	// and head is less sure. It is 0 for the general model, and where that was asked first: an image
	// of which both are unsure may be no radiograph at all.
	Allowance float64
	// NoRadiograph is why the image is considered no projection radiograph; usually "".
	NoRadiograph string
}

// String describes the quality for the algorithm parameters of a result.
func (q Quality) String() string {
	s := fmt.Sprintf("%.3f, mean probability %.3f", q.Figure, q.Confidence)
	for _, d := range []struct {
		what  string
		value float64
	}{{"mirror images", q.MirrorDoubt}, {"scales", q.ScaleDoubt}} {
		if d.value >= 0 {
			s += fmt.Sprintf(", %s differ by %.3f", d.what, d.value)
		}
	}
	if q.Allowance != 0 {
		s += fmt.Sprintf(", allowance %.2f", q.Allowance)
	}
	return s
}

// Warning is a warning for users of the result, usually "".
func (q Quality) Warning() string {
	switch {
	case q.NoRadiograph != "":
		return "this does not look like a projection radiograph: " + q.NoRadiograph
	case q.Figure < LeastQuality:
		return fmt.Sprintf("the model is unsure of this image (quality %.2f, usual is %.2f and more)", q.Figure, LeastQuality)
	}
	return ""
}

// trunkAllowance is the Allowance of the model of trunk and head. It was chosen with LeastQuality.
const trunkAllowance = 0.03

// scaleShare is the weight of differences between scales, relative to differences between
// mirror images, which are about a fifth of them.
const scaleShare = 0.2

// quality computes the quality of the prediction v for an image.
func quality(img *decode.Image, v *view, field picture.Mask) Quality {
	a := v.answer
	share := v.geo.Exposed(field)
	q := Quality{MirrorDoubt: meanOver(a.MirrorDoubt, share), ScaleDoubt: meanOver(a.ScaleDoubt, share)}
	small := a.Map.Small()
	q.Confidence = confidence(small, share)
	q.Figure = q.Confidence
	switch {
	case q.MirrorDoubt >= 0:
		q.Figure -= q.MirrorDoubt
	case q.ScaleDoubt >= 0:
		q.Figure -= scaleShare * q.ScaleDoubt
	}
	if v.trunk && !a.Second {
		q.Allowance = trunkAllowance
	}
	q.Figure = min(max(q.Figure+q.Allowance, 0), 1)
	if q.NoRadiograph = cmp.Or(otherObject(img), slice(v, a, share), uniform(small, share)); q.NoRadiograph != "" {
		q.Figure = 0
	}
	return q
}

// Judge is the quality of the prediction a for a picture without attributes: pix has rows×cols
// values row by row in arbitrary units, open beam bright. trunk: a is of the model of trunk and head.
// It finds the exposed field, as Run does.
func (p *Pipeline) Judge(ctx context.Context, pix []float32, rows, cols int, a *scales.Answer, trunk bool) (Quality, error) {
	x, geo := picture.Canonical(pix, rows, cols)
	img := &decode.Image{Rows: rows, Columns: cols}
	field, _, err := p.findField(ctx, img, pix, x, geo)
	if err != nil {
		return Quality{}, err
	}
	return quality(img, &view{pix: pix, x: x, geo: geo, answer: a, trunk: trunk}, field), nil
}

// confidence is the mean probability of the most probable class, weighted by share.
func confidence(m picture.Map, share []float32) float64 {
	best := make([]float32, m.Height*m.Width)
	for i := range best {
		best[i] = max(m.P[i], m.P[len(best)+i], m.P[2*len(best)+i])
	}
	return max(0, meanOver(best, share))
}

// meanOver is the mean of v weighted by share, −1 without values.
func meanOver(v, share []float32) float64 {
	var sum, weight float64
	for i, x := range v {
		sum += float64(x * share[i])
		weight += float64(share[i])
	}
	if weight == 0 {
		return -1
	}
	return sum / weight
}

// uniformShare is the share of the exposed field above which a single class counts as the only
// one.
const uniformShare = 0.97

// uniform returns which single class fills the field, as in blank pictures; usually "".
func uniform(m picture.Map, share []float32) string {
	var filled [picture.Classes]float64
	var all float64
	for i, c := range likeliest(m) {
		filled[c] += float64(share[i])
		all += float64(share[i])
	}
	for c, name := range []string{"open beam", "soft tissue", "bone"} {
		if all > 0 && filled[c] >= uniformShare*all {
			return "there is nothing but " + name
		}
	}
	return ""
}

// likeliest is the most probable class at each place; of equally probable ones the first.
func likeliest(m picture.Map) []uint8 {
	n := m.Height * m.Width
	label := make([]uint8, n)
	for i := range label {
		for c := 1; c < picture.Classes; c++ {
			if m.P[c*n+i] > m.P[int(label[i])*n+i] {
				label[i] = uint8(c)
			}
		}
	}
	return label
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	return raster.Nth(v, len(v)/2)
}
