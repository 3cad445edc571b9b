package calibrate

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"dicomnode/internal/option"
	"dicomnode/model"
)

// Operating is the soft-tissue threshold of a set of images with its rates on them, as in
// section 5.3 of the paper, which reports a recall of 71 % at the threshold 0.90 and a
// precision of 97 % (it calls 1 − precision the false-positive rate).
type Operating struct {
	BodyPart  string  `json:"body_part"` // in capitals; empty: all images
	Images    int     `json:"images"`
	Threshold float64 `json:"threshold"`
	Reached   bool    `json:"reached"`   // whether it fulfils the requirement; if not, none does
	Pixels    Rates   `json:"pixels"`    // of all images pooled: large images count more
	PerImage  Rates   `json:"per_image"` // means over images
	// Worst are the highest false-positive rate and the lowest precision of one image.
	Worst float64 `json:"worst_false_positive_rate"`
	Least float64 `json:"least_precision"`
}

// Rates are what reaches a threshold.
type Rates struct {
	// Precision is the share of pixels labelled soft tissue among those that are most likely
	// soft tissue with a probability that reaches the threshold; 1 if there are none.
	Precision float64 `json:"precision"`
	// FalsePositive is the share of pixels labelled open beam or bone among them.
	FalsePositive float64 `json:"false_positive_rate"`
	// TruePositive is the share of pixels labelled soft tissue among them.
	TruePositive float64 `json:"true_positive_rate"`
}

// Bounds of a threshold: below ½ soft tissue might not be the likeliest class.
const (
	minThreshold = 0.5
	maxThreshold = 0.999
)

// Want is what a threshold has to keep: a precision or a false-positive rate.
type Want struct {
	Precision         float64 // least, above 0 and at most 1; 0: FalsePositiveRate decides
	FalsePositiveRate float64 // greatest, 0 to 1
	Weigh             string  // model.WeighPixels or model.WeighImages: of which rate
	LeastImages       int     // least number of images of a body part for a threshold of its own
}

// Check refuses impossible requirements; errors are *option.Error.
func (w Want) Check() error {
	switch {
	case !(w.Precision >= 0 && w.Precision <= 1):
		return option.Refuse("precision", "%v: want above 0 and at most 1", w.Precision)
	case !(w.FalsePositiveRate >= 0 && w.FalsePositiveRate <= 1):
		return option.Refuse("false-positive-rate", "%v: want 0 to 1", w.FalsePositiveRate)
	case w.Precision != 0 && w.FalsePositiveRate != 0:
		return option.Refuse("precision false-positive-rate", "exclude each other")
	case !slices.Contains(model.Weighings(), w.Weigh):
		return option.Refuse("weigh", "%.20q: want %s", w.Weigh, strings.Join(model.Weighings(), " or "))
	case w.LeastImages < 1:
		return option.Refuse("least-images", "%d: want at least 1", w.LeastImages)
	}
	return nil
}

// keeps reports whether r fulfils the requirement.
func (w Want) keeps(r Rates) bool {
	if w.Precision != 0 {
		return w.rate(r) >= w.Precision
	}
	return w.rate(r) <= w.FalsePositiveRate
}

// rate is the one of r that decides.
func (w Want) rate(r Rates) float64 {
	if w.Precision != 0 {
		return r.Precision
	}
	return r.FalsePositive
}

// missed lists where the requirement is not fulfilled.
func (w Want) missed(list []Operating) (missed []model.Missed) {
	for _, o := range list {
		rates := o.Pixels
		if w.Weigh == model.WeighImages {
			rates = o.PerImage
		}
		if !o.Reached {
			missed = append(missed, model.Missed{BodyPart: o.BodyPart, Rate: w.rate(rates)})
		}
	}
	return missed
}

// FindThresholds returns the lowest thresholds, in steps of 0.001, that fulfil the requirement:
// first over all images, then for each body part with enough of them, in alphabetical order. If
// even 0.999 does not, it is returned with its rates and is not Reached.
func FindThresholds(images []SoftTissue, want Want) ([]Operating, error) {
	if err := want.Check(); err != nil {
		return nil, err
	}
	all, parts := newTally(""), map[string]*tally{}
	for _, s := range images {
		part := strings.ToUpper(strings.TrimSpace(s.BodyPart))
		if parts[part] == nil {
			parts[part] = newTally(part)
		}
		all.add(s)
		parts[part].add(s)
	}
	if !all.defined() {
		return nil, ErrEmpty
	}
	list := []Operating{all.operating(want)}
	for _, t := range slices.SortedFunc(maps.Values(parts), func(a, b *tally) int { return cmp.Compare(a.part, b.part) }) {
		if t.part != "" && len(t.images) >= want.LeastImages && t.defined() {
			list = append(list, t.operating(want))
		}
	}
	return list, nil
}

// Thresholds are the results of FindThresholds as in a card; chosen says how they were chosen.
func Thresholds(list []Operating, chosen *model.Choice) model.Thresholds {
	t := model.Thresholds{Threshold: list[0].Threshold, Chosen: chosen}
	for _, o := range list[1:] {
		if t.ByBodyPart == nil {
			t.ByBodyPart = map[string]float64{}
		}
		t.ByBodyPart[o.BodyPart] = o.Threshold
	}
	return t
}

// tally holds the images of a body part.
type tally struct {
	part   string
	images []reaching
	pixels reaching // of all images
}

// reaching are an image's pixels by threshold: element i counts those that are most
// likely soft tissue with a probability of i/1000 or more, soft those labelled so, other
// the rest.
type reaching struct {
	soft, other          [steps + 1]int64
	positives, negatives int64
}

func newTally(part string) *tally { return &tally{part: part} }

func (t *tally) defined() bool { return t.pixels.positives > 0 && t.pixels.negatives > 0 }

func (t *tally) add(s SoftTissue) {
	r := reaching{positives: s.positives, negatives: s.negatives}
	var soft, other int64
	for i := steps; i >= 0; i-- {
		soft, other = soft+s.soft[i], other+s.other[i]
		r.soft[i], r.other[i] = soft, other
		t.pixels.soft[i] += soft
		t.pixels.other[i] += other
	}
	t.pixels.positives += s.positives
	t.pixels.negatives += s.negatives
	t.images = append(t.images, r)
}

// rates are those of the threshold step/1000; a share of nothing is NaN, but precision.
func (r *reaching) rates(step int) Rates {
	soft, other := float64(r.soft[step]), float64(r.other[step])
	out := Rates{Precision: 1, FalsePositive: other / float64(r.negatives), TruePositive: soft / float64(r.positives)}
	if soft+other > 0 {
		out.Precision = soft / (soft + other)
	}
	return out
}

// perImage are the means of the images' rates, of each those that have it.
func (t *tally) perImage(step int) Rates {
	var precision, falsePositive, truePositive mean
	for i := range t.images {
		image := &t.images[i]
		r := image.rates(step)
		if image.soft[step]+image.other[step] > 0 {
			precision.add(r.Precision)
		}
		falsePositive.add(r.FalsePositive)
		truePositive.add(r.TruePositive)
	}
	return Rates{Precision: precision.of(1), FalsePositive: falsePositive.of(0), TruePositive: truePositive.of(0)}
}

// mean is the mean of what was added and is a number.
type mean struct {
	sum float64
	n   int
}

func (m *mean) add(v float64) {
	if !math.IsNaN(v) {
		m.sum, m.n = m.sum+v, m.n+1
	}
}

func (m mean) of(none float64) float64 {
	if m.n == 0 {
		return none
	}
	return m.sum / float64(m.n)
}

// operating is the lowest threshold that fulfils the requirement. Precision may fall again
// above it, where few pixels are left.
func (t *tally) operating(want Want) Operating {
	rates := t.pixels.rates
	if want.Weigh == model.WeighImages {
		rates = t.perImage
	}
	step := int(minThreshold * steps)
	for step < int(maxThreshold*steps) && !want.keeps(rates(step)) {
		step++
	}
	o := Operating{BodyPart: t.part, Images: len(t.images), Threshold: float64(step) / steps, Reached: want.keeps(rates(step)),
		Pixels: t.pixels.rates(step), PerImage: t.perImage(step), Least: 1}
	for i := range t.images {
		r := t.images[i].rates(step)
		o.Least = min(o.Least, r.Precision)
		if !math.IsNaN(r.FalsePositive) {
			o.Worst = max(o.Worst, r.FalsePositive)
		}
	}
	return o
}
