package calibrate

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"dicomnode/model"
	"dicomnode/trainer/dataset"
)

// Operating is the soft-tissue threshold of a set of pictures, with what it gives
// on them: section 5.3 of the paper, which reports a true-positive rate of 71 % at
// a false-positive rate of 3 % for the threshold 0.90.
type Operating struct {
	BodyPart  string  `json:"body_part"` // in capitals; empty: all pictures
	Images    int     `json:"images"`
	Threshold float64 `json:"threshold"`
	// FalsePositiveRate is the share of pixels labelled open beam or bone whose
	// probability of soft tissue reaches Threshold.
	FalsePositiveRate float64 `json:"false_positive_rate"`
	// TruePositiveRate is the share of pixels labelled soft tissue that reach it.
	TruePositiveRate float64 `json:"true_positive_rate"`
}

// Bounds of a threshold: below ½ soft tissue might not be the likeliest class.
const (
	leastThreshold = 0.5
	mostThreshold  = 0.999
)

// FindThresholds returns the least thresholds, in steps of 0.001, that keep the
// false-positive rate at or below wanted: over all pictures first, then for each
// body part with at least leastImages of them, in alphabetical order. Where 0.999
// is not enough it stays there, and the rate tells.
func FindThresholds(pictures []Picture, wanted float64, leastImages int) ([]Operating, error) {
	if !(wanted >= 0 && wanted <= 1) {
		return nil, fmt.Errorf("find thresholds: false-positive rate %v is not between 0 and 1", wanted)
	}
	all, parts := newTally(""), map[string]*tally{}
	for _, p := range pictures {
		part := strings.ToUpper(strings.TrimSpace(p.BodyPart))
		if parts[part] == nil {
			parts[part] = newTally(part)
		}
		all.add(p)
		parts[part].add(p)
	}
	if all.positives == 0 || all.negatives == 0 {
		return nil, ErrEmpty
	}
	list := []Operating{all.operating(wanted)}
	for _, t := range slices.SortedFunc(maps.Values(parts), func(a, b *tally) int { return cmp.Compare(a.part, b.part) }) {
		if t.part != "" && t.images >= leastImages && t.positives > 0 && t.negatives > 0 {
			list = append(list, t.operating(wanted))
		}
	}
	return list, nil
}

// Thresholds puts what FindThresholds found into the form of a card.
func Thresholds(list []Operating) model.Thresholds {
	t := model.Thresholds{Threshold: list[0].Threshold}
	for _, o := range list[1:] {
		if t.ByBodyPart == nil {
			t.ByBodyPart = map[string]float64{}
		}
		t.ByBodyPart[o.BodyPart] = o.Threshold
	}
	return t
}

// tally counts pixels by probability of soft tissue in steps of 0.001: bin i holds
// those that reach i/1000 and not the next.
type tally struct {
	part                 string
	images               int
	soft, other          []int64
	positives, negatives int64
}

const tallySteps = 1000

func newTally(part string) *tally {
	return &tally{part: part, soft: make([]int64, tallySteps+1), other: make([]int64, tallySteps+1)}
}

func (t *tally) add(p Picture) {
	t.images++
	for i, truth := range p.truth {
		bin := min(max(int(math.Exp(float64(p.logits[i][dataset.SoftTissue]))*tallySteps), 0), tallySteps)
		if truth == dataset.SoftTissue {
			t.soft[bin]++
			t.positives++
			continue
		}
		t.other[bin]++
		t.negatives++
	}
}

// operating lowers the threshold from the top while the rate allows.
func (t *tally) operating(wanted float64) Operating {
	step := int(mostThreshold * tallySteps)
	falsePositives, truePositives := sum(t.other[step:]), sum(t.soft[step:])
	for step > int(leastThreshold*tallySteps) && float64(falsePositives+t.other[step-1]) <= wanted*float64(t.negatives) {
		step--
		falsePositives += t.other[step]
		truePositives += t.soft[step]
	}
	return Operating{BodyPart: t.part, Images: t.images, Threshold: float64(step) / tallySteps,
		FalsePositiveRate: float64(falsePositives) / float64(t.negatives), TruePositiveRate: float64(truePositives) / float64(t.positives)}
}

func sum(counts []int64) (total int64) {
	for _, c := range counts {
		total += c
	}
	return total
}
