package augment

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"dicomnode/internal/option"
	"dicomnode/trainer/dataset"
)

// Variation says how far pictures may differ from their origin. The zero value
// changes nothing. Open beam stays bright: nothing turns the scale round.
type Variation struct {
	Elastic   float64 `json:"elastic"`   // largest elastic displacement, of the longer side
	Translate float64 `json:"translate"` // largest shift, of the longer side
	Rotate    float64 `json:"rotate"`    // largest turn, degrees
	Shear     float64 `json:"shear"`     // largest shear, as a tangent
	Crop      float64 `json:"crop"`      // largest share cut off each side, 0 to 0.9
	Flip      bool    `json:"flip"`      // mirror either way, and turn by 90°
	Gamma     float64 `json:"gamma"`     // standard deviation of the logarithm of gamma
	Noise     float64 `json:"noise"`     // largest standard deviation of added noise, of the picture's range
	Clip      float64 `json:"clip"`      // largest share of the range cut off at either end, 0 to 0.4
}

// DefaultVariation keeps pictures believable.
var DefaultVariation = Variation{Elastic: 0.04, Translate: 0.06, Rotate: 15, Shear: 0.1, Crop: 0.3, Flip: true, Gamma: 0.2, Noise: 0.015, Clip: 0.05}

// limits are the largest values of the fields.
func (v Variation) check() error {
	for _, c := range []struct {
		name       string
		value, top float64
	}{
		{"elastic", v.Elastic, 0.5}, {"translate", v.Translate, 0.5}, {"rotate", v.Rotate, 180}, {"shear", v.Shear, 1},
		{"crop", v.Crop, 0.9}, {"gamma", v.Gamma, 2}, {"noise", v.Noise, 1}, {"clip", v.Clip, 0.4},
	} {
		if !(c.value >= 0 && c.value <= c.top) {
			return fmt.Errorf("%w: %w", ErrOptions, option.Refuse(c.name, "%v: want 0 to %v", c.value, c.top))
		}
	}
	return nil
}

// apply makes a varied picture of p with a longer side of size pixels.
func (v Variation) apply(r *rand.Rand, p *dataset.Picture, size int) *dataset.Picture {
	w := v.newView(r, p.Rows, p.Cols, size)
	out := w.render(p)
	v.intensity(r, out.Pix)
	return out
}

// intensity varies the grey scale; the result is within 0..1.
func (v Variation) intensity(r *rand.Rand, pix []float32) {
	if v.Gamma == 0 && v.Noise == 0 && v.Clip == 0 {
		return
	}
	low, high := slices.Min(pix), slices.Max(pix)
	span := max(high-low, 1e-6)
	gamma := math.Exp(v.Gamma * r.NormFloat64())
	noise := float32(v.Noise * r.Float64())
	cutLow, cutHigh := float32(v.Clip*r.Float64()*r.Float64()), 1-float32(v.Clip*r.Float64()*r.Float64())
	for i, a := range pix {
		u := min(max((a-low)/span, cutLow), cutHigh)
		u = float32(math.Pow(float64(u), gamma))
		if noise > 0 {
			u += noise * float32(r.NormFloat64())
		}
		pix[i] = min(max(u, 0), 1)
	}
}
