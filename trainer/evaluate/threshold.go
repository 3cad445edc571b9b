package evaluate

import (
	"math"
	"slices"

	"dicomnode/internal/threshold"
	"dicomnode/trainer/dataset"
)

// The paper's operating point (its section 5.3): a threshold of 0.90 gives a recall of soft
// tissue of 71 % on its own data. Its "false-positive rate" of 3 % is, in the authors' code,
// the share of wrong pixels among those predicted as soft tissue: 1 − precision.
const (
	paperThreshold = threshold.Default
	paperPrecision = 0.97
	paperTPR       = 0.71
)

// strictFPR is the false-positive rate that Result.Strict keeps.
const strictFPR = 0.03

// thresholdBins is the number of bins of soft-tissue probability, 0.001 wide.
const thresholdBins = 1000

// thresholds counts pixels whose most probable class is soft tissue by its
// probability: [1] those labelled soft tissue, [0] the rest. A threshold on top of
// the most probable class is how the node makes high-precision soft tissue.
type thresholds [thresholdBins + 1][2]int64

func (t *thresholds) add(p float32, soft bool) {
	// 1e-4 of a bin: what single precision takes from a multiple of 0.001.
	b := min(max(int(math.Floor(float64(p)*thresholdBins+1e-4)), 0), thresholdBins)
	if soft {
		t[b][1]++
	} else {
		t[b][0]++
	}
}

func (t *thresholds) merge(o *thresholds) {
	for b := range t {
		t[b][0] += o[b][0]
		t[b][1] += o[b][1]
	}
}

// OperatingPoint are the rates of a soft-tissue threshold: a pixel is soft tissue if that is
// its most probable class with a probability of Threshold or more.
type OperatingPoint struct {
	Threshold float64 `json:"threshold"`
	TPR       Value   `json:"tpr"`       // of pixels labelled soft tissue
	FPR       Value   `json:"fpr"`       // of pixels labelled otherwise
	Precision Value   `json:"precision"` // of pixels said to be soft tissue
}

// curve gives the operating points from threshold 0 to 1 by 0.01, by 0.001 from the
// threshold fine on, and that of the threshold in use, or the next multiple of 0.001.
func (t *thresholds) curve(c Confusion, fine, inUse float64) []OperatingPoint {
	used := int(math.Ceil(inUse*thresholdBins - 1e-4))
	soft, rest := c.truths(dataset.SoftTissue)
	var tp, fp int64
	var points []OperatingPoint
	for b := thresholdBins; b >= 0; b-- {
		tp, fp = tp+t[b][1], fp+t[b][0]
		if float64(b) < fine*thresholdBins && b%10 != 0 && b != used {
			continue
		}
		points = append(points, OperatingPoint{float64(b) / thresholdBins, share(tp, soft), share(fp, rest), share(tp, tp+fp)})
	}
	slices.Reverse(points)
	return points
}

// pointAt is the point of a curve with the lowest threshold that is not below t.
func pointAt(curve []OperatingPoint, t float64) OperatingPoint {
	for _, p := range curve {
		if p.Threshold >= t-1e-9 {
			return p
		}
	}
	return OperatingPoint{Threshold: t, TPR: undefined, FPR: undefined, Precision: undefined}
}

// reaching is the point with the lowest threshold, a multiple of 0.001, that fulfils the
// requirement; nil if there is none.
func (t *thresholds) reaching(c Confusion, good func(OperatingPoint) bool) *OperatingPoint {
	soft, rest := c.truths(dataset.SoftTissue)
	var tp, fp int64
	var best *OperatingPoint
	for b := thresholdBins; b >= 0; b-- {
		tp, fp = tp+t[b][1], fp+t[b][0]
		if p := (OperatingPoint{float64(b) / thresholdBins, share(tp, soft), share(fp, rest), share(tp, tp+fp)}); good(p) {
			best = &p
		}
	}
	return best
}

// strict and precise are the points that a Result shows; an undefined rate is neither.
func strict(p OperatingPoint) bool  { return p.FPR <= strictFPR }
func precise(p OperatingPoint) bool { return p.Precision >= paperPrecision }
