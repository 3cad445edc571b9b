package evaluate

import (
	"math/rand/v2"
	"slices"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
)

// Intervals are percentile intervals of a bootstrap over images: images, not
// pixels, are drawn with replacement, as the pixels of one image are alike. Of maps
// a figure's name to its lower and upper end; a figure of a class is "bone.f1".
type Intervals struct {
	Level     float64             `json:"level"`
	Resamples int                 `json:"resamples"`
	Seed      uint64              `json:"seed"`
	Of        map[string][2]Value `json:"of"`
}

// preciseTPR names the recall of soft tissue at the paper's precision, each draw with the least
// threshold that reaches it there.
const preciseTPR = "soft_tissue_tpr_at_precision_97"

const (
	level      = 0.95
	drawCells  = 128     // of the ranking in a draw
	drawEffort = 4 << 20 // resamples × images at most, but 200 resamples at least
)

// draw is what resampling needs of one image.
type draw struct {
	confusion  Confusion
	bins       classBins
	ranks      [dataset.Classes][2][drawCells]uint32
	soft       [2]int64                     // at its threshold: [1] soft tissue, [0] others
	by         [thresholdBins + 1][2]uint32 // thresholds
	boundaries Boundaries
}

func drawOf(t *tally, b Boundaries) draw {
	d := draw{confusion: t.confusion, bins: t.bins, soft: t.operating, boundaries: b}
	for i, n := range t.soft {
		d.by[i] = [2]uint32{uint32(n[0]), uint32(n[1])} // an image has at most 2²⁶ pixels
	}
	for k, r := range t.ranks {
		for i := r.from; i < r.to; i++ {
			cell := i * drawCells / len(r.in)
			d.ranks[k][0][cell] += uint32(r.out[i]) // an image has at most 2²⁶ pixels
			d.ranks[k][1][cell] += uint32(r.in[i])
		}
	}
	return d
}

// sums are draws added up.
type sums struct {
	confusion  Confusion
	bins       classBins
	ranks      [dataset.Classes][2][drawCells]int64
	soft       [2]int64
	by         thresholds
	boundaries []Boundaries
}

func (s *sums) add(d *draw) {
	s.confusion.Add(d.confusion)
	s.bins.merge(&d.bins)
	for k := range s.ranks {
		for side := range s.ranks[k] {
			for i, n := range d.ranks[k][side] {
				s.ranks[k][side][i] += int64(n)
			}
		}
	}
	s.soft[0] += d.soft[0]
	s.soft[1] += d.soft[1]
	for i, n := range d.by {
		s.by[i][0] += int64(n[0])
		s.by[i][1] += int64(n[1])
	}
	s.boundaries = append(s.boundaries, d.boundaries)
}

// figures are those that get an interval, by name.
func (s *sums) figures() map[string]Value {
	sum, cal := Summarise(s.confusion), s.bins.all().calibration()
	soft, rest := s.confusion.truths(dataset.SoftTissue)
	out := map[string]Value{
		"accuracy": Value(sum.Accuracy), "weighted_f1": Value(sum.WeightedF1),
		"mean_confidence": Value(cal.MeanConfidence), "expected_calibration_error": Value(cal.Error),
		"soft_tissue_tpr": share(s.soft[1], soft), "soft_tissue_fpr": share(s.soft[0], rest),
	}
	out[preciseTPR] = undefined
	if at := s.by.reaching(s.confusion, precise); at != nil {
		out[preciseTPR] = at.TPR
	}
	boundary := averageBoundaries(s.boundaries)
	var weighted float64
	var weight int64
	for k, c := range sum.Classes {
		auc := s.auc(k)
		if auc.Defined() {
			weighted, weight = weighted+float64(auc)*float64(c.Pixels), weight+c.Pixels
		}
		for name, v := range map[string]Value{"accuracy": Value(c.Accuracy), "precision": Value(c.Precision), "recall": Value(c.Recall), "f1": Value(c.F1),
			"auc": auc, "boundary_mean": boundary[k].Mean, "boundary_p95": boundary[k].P95} {
			out[c.Name+"."+name] = v
		}
	}
	out["weighted_auc"] = undefined
	if weight > 0 {
		out["weighted_auc"] = Value(weighted / float64(weight))
	}
	return out
}

func (s *sums) auc(k int) Value {
	var below, pairs, in float64
	for i := range drawCells {
		a, o := float64(s.ranks[k][1][i]), float64(s.ranks[k][0][i])
		pairs += a * (below + o/2)
		below, in = below+o, in+a
	}
	if in == 0 || below == 0 {
		return undefined
	}
	return Value(pairs / (in * below))
}

// intervals draws the resamples; nil if fewer than two are requested. The draws' coarse ranking
// makes an AUC slightly too small; its interval is shifted by the difference between the coarse
// and the fine AUC of all images.
func intervals(draws []draw, exact Summary, opt Options) *Intervals {
	n := opt.resamples()
	if len(draws) < 2 || n < 1 {
		return nil
	}
	n = min(n, max(200, drawEffort/len(draws)))
	random := rand.New(rand.NewPCG(opt.Seed, 0x626f6f74)) // "boot"
	samples := map[string][]float64{}
	for range n {
		var s sums
		for range draws {
			s.add(&draws[random.IntN(len(draws))])
		}
		for name, v := range s.figures() {
			if v.Defined() {
				samples[name] = append(samples[name], float64(v))
			}
		}
	}
	shift := aucShift(draws, exact)
	out := &Intervals{Level: level, Resamples: n, Seed: opt.Seed, Of: map[string][2]Value{}}
	for name, v := range samples {
		slices.Sort(v)
		low, high := raster.Between(v, (1-level)/2)+shift[name], raster.Between(v, (1+level)/2)+shift[name]
		if shift[name] != 0 {
			low, high = min(low, 1), min(high, 1)
		}
		out.Of[name] = [2]Value{Value(low), Value(high)}
	}
	return out
}

// aucShift is the fine AUC less the coarse one, by the figure's name.
func aucShift(draws []draw, exact Summary) map[string]float64 {
	var s sums
	for i := range draws {
		s.add(&draws[i])
	}
	coarse := s.figures()
	fine := map[string]Value{"weighted_auc": exact.WeightedAUC}
	for _, c := range exact.Classes {
		fine[c.Name+".auc"] = c.AUC
	}
	out := map[string]float64{}
	for name, v := range fine {
		if v.Defined() && coarse[name].Defined() {
			out[name] = float64(v - coarse[name])
		}
	}
	return out
}
