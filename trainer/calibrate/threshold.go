package calibrate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dicomnode/model"
)

// Operating is the soft-tissue threshold of a set of images, with what it gives on
// them: section 5.3 of the paper, which reports a true-positive rate of 71 % at a
// false-positive rate of 3 % for the threshold 0.90.
type Operating struct {
	BodyPart  string  `json:"body_part"` // in capitals; empty: all images
	Images    int     `json:"images"`
	Threshold float64 `json:"threshold"`
	Pixels    Rates   `json:"pixels"`    // of all images pooled: large images count more
	PerImage  Rates   `json:"per_image"` // means over images
	// Worst is the greatest false-positive rate of one image.
	Worst float64 `json:"worst_false_positive_rate"`
}

// Rates are what reaches a threshold.
type Rates struct {
	// FalsePositive is the share of pixels labelled open beam or bone that are most
	// likely soft tissue, with a probability that reaches the threshold.
	FalsePositive float64 `json:"false_positive_rate"`
	// TruePositive is the share of pixels labelled soft tissue that do.
	TruePositive float64 `json:"true_positive_rate"`
}

// Bounds of a threshold: below ½ soft tissue might not be the likeliest class.
const (
	leastThreshold = 0.5
	mostThreshold  = 0.999
)

// Want is what a threshold has to keep.
type Want struct {
	FalsePositiveRate float64 // greatest, 0 to 1
	Weigh             string  // model.WeighPixels or model.WeighImages: of which rate
	LeastImages       int     // images of a body part that has a threshold of its own
}

// FindThresholds returns the least thresholds, in steps of 0.001, that keep the
// false-positive rate at or below what is wanted: over all images first, then for each
// body part with enough of them, in alphabetical order. Where 0.999 is not enough it
// stays there, and the rate tells.
func FindThresholds(images []SoftTissue, want Want) ([]Operating, error) {
	if !(want.FalsePositiveRate >= 0 && want.FalsePositiveRate <= 1) {
		return nil, fmt.Errorf("find thresholds: false-positive rate %v is not between 0 and 1", want.FalsePositiveRate)
	}
	if !slices.Contains(model.Weighings(), want.Weigh) {
		return nil, fmt.Errorf("find thresholds: weighing by %q is not one of %s", want.Weigh, strings.Join(model.Weighings(), ", "))
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

// Thresholds puts what FindThresholds found into the form of a card; chosen says how.
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

// tally holds the images of a body part, pooled and as means.
type tally struct {
	part             string
	images           []SoftTissue
	pixels, perImage pooled
}

// pooled are weights of labelled pixels by probability of soft tissue, as SoftTissue
// counts them, with their sums.
type pooled struct {
	soft, other          [steps + 1]float64
	positives, negatives float64
}

func newTally(part string) *tally { return &tally{part: part} }

func (t *tally) defined() bool { return t.pixels.positives > 0 && t.pixels.negatives > 0 }

func (t *tally) add(s SoftTissue) {
	t.images = append(t.images, s)
	t.pixels.add(s, 1, 1)
	t.perImage.add(s, reciprocal(s.positives), reciprocal(s.negatives))
}

// reciprocal is 1/n, and 0 for an image that has no say.
func reciprocal(n int64) float64 {
	if n == 0 {
		return 0
	}
	return 1 / float64(n)
}

// add adds an image whose pixels weigh so much; at least the numbers of all pixels add
// up without rounding, being whole.
func (p *pooled) add(s SoftTissue, positive, negative float64) {
	for i := range p.soft {
		p.soft[i] += positive * float64(s.soft[i])
		p.other[i] += negative * float64(s.other[i])
	}
	p.positives += positive * float64(s.positives)
	p.negatives += negative * float64(s.negatives)
}

// rates are those of the threshold step/1000.
func (p *pooled) rates(step int) Rates {
	return Rates{FalsePositive: sum(p.other[step:]) / p.negatives, TruePositive: sum(p.soft[step:]) / p.positives}
}

// operating lowers the threshold from the top while the rate allows.
func (t *tally) operating(want Want) Operating {
	decides := &t.pixels
	if want.Weigh == model.WeighImages {
		decides = &t.perImage
	}
	step := int(mostThreshold * steps)
	for step > int(leastThreshold*steps) && decides.rates(step-1).FalsePositive <= want.FalsePositiveRate {
		step--
	}
	o := Operating{BodyPart: t.part, Images: len(t.images), Threshold: float64(step) / steps, Pixels: t.pixels.rates(step), PerImage: t.perImage.rates(step)}
	for _, s := range t.images {
		o.Worst = max(o.Worst, reciprocal(s.negatives)*float64(sum(s.other[step:])))
	}
	return o
}

func sum[N int64 | float64](counts []N) (total N) {
	for _, c := range counts {
		total += c
	}
	return total
}
