package evaluate

import (
	"math"

	"dicomnode/trainer/dataset"
)

// tally counts the scored pixels of one or more images at one resolution.
type tally struct {
	confusion Confusion
	bins      classBins
	ranks     [dataset.Classes]*ranking
	soft      thresholds
	limit     float32  // soft-tissue threshold of the pixels being added
	operating [2]int64 // pixels that reach it: [1] labelled soft tissue, [0] the rest
	entropy   float64  // sum of the pixels' cross-entropies
}

// minProbability bounds the cross-entropy of a pixel, as Keras does.
const minProbability = 1e-7

func newTally(bits int) *tally {
	t := &tally{}
	for k := range t.ranks {
		t.ranks[k] = newRanking(bits)
	}
	return t
}

// add scores one pixel. The most probable class is the prediction, the lower index
// on a tie.
func (t *tally) add(truth uint8, p [dataset.Classes]float32) (prediction uint8) {
	best := 0
	for k := 1; k < len(p); k++ {
		if p[k] > p[best] {
			best = k
		}
	}
	if truth == dataset.Ignore {
		return uint8(best)
	}
	t.confusion[truth][best]++
	t.entropy -= math.Log(max(float64(p[truth]), minProbability))
	t.bins[best].add(p[best], int(truth) == best)
	for k := range p {
		t.ranks[k].add(p[k], int(truth) == k)
	}
	if best == dataset.SoftTissue {
		t.soft.add(p[best], truth == dataset.SoftTissue)
		if p[best] >= t.limit && truth == dataset.SoftTissue {
			t.operating[1]++
		} else if p[best] >= t.limit {
			t.operating[0]++
		}
	}
	return uint8(best)
}

// addTo adds t to dst, whose ranks are at most as fine.
func (t *tally) addTo(dst *tally) {
	dst.confusion.Add(t.confusion)
	dst.bins.merge(&t.bins)
	dst.soft.merge(&t.soft)
	dst.operating[0] += t.operating[0]
	dst.operating[1] += t.operating[1]
	dst.entropy += t.entropy
	for k := range t.ranks {
		t.ranks[k].addTo(dst.ranks[k])
	}
}

func (t *tally) reset() {
	t.confusion, t.bins, t.soft, t.operating, t.entropy = Confusion{}, classBins{}, thresholds{}, [2]int64{}, 0
	for _, r := range t.ranks {
		r.reset()
	}
}

// summary is all but the boundaries.
func (t *tally) summary() Summary {
	s := Summarise(t.confusion)
	s.Calibration = t.bins.all().calibration()
	if s.Pixels > 0 {
		s.CrossEntropy = Value(t.entropy / float64(s.Pixels))
	}
	var sum float64
	var weight int64
	for k := range s.Classes {
		c := &s.Classes[k]
		c.AUC, c.AUCError = t.ranks[k].auc()
		if c.AUC.Defined() {
			sum += float64(c.AUC) * float64(c.Pixels)
			weight += c.Pixels
		}
		if cal := t.bins[k].calibration(); t.predicted(k) > 0 {
			c.Confidence, c.Gap, c.ECE = Value(cal.MeanConfidence), Value(cal.Gap), Value(cal.Error)
		}
	}
	if weight > 0 {
		s.WeightedAUC = Value(sum / float64(weight))
	}
	return s
}

// point is the operating point of the thresholds that pixels were added with.
func (t *tally) point(threshold float64) OperatingPoint {
	soft, rest := t.confusion.truths(dataset.SoftTissue)
	fp, tp := t.operating[0], t.operating[1]
	return OperatingPoint{threshold, share(tp, soft), share(fp, rest), share(tp, tp+fp)}
}

// roc is the classes' curves.
func (t *tally) roc(step float64) (curves [dataset.Classes][]ROCPoint) {
	for k, r := range t.ranks {
		curves[k] = r.roc(step)
	}
	return curves
}

// predicted is the number of pixels assigned to class k.
func (t *tally) predicted(k int) (n int64) {
	for i := range t.confusion {
		n += t.confusion[i][k]
	}
	return n
}

// scale gathers the images of a data set at one resolution.
type scale struct {
	image, total *tally // image is that being scored
	parts        map[string]*part
	images       []Image
	draws        []draw
	keep         bool    // draws are wanted
	threshold    float64 // of soft tissue, for the image
}

type part struct {
	*tally
	boundaries []Boundaries
	threshold  float64 // of its last image
}

// limit sets the soft-tissue threshold of the next image.
func (s *scale) limit(t float64) { s.threshold, s.image.limit = t, float32(t) }

func newScale(opt Options) *scale {
	return &scale{image: newTally(fineBits), total: newTally(fineBits), parts: map[string]*part{}, keep: opt.resamples() > 0}
}

// finish ends the image: its figures are kept, and its counts added to the sums.
func (s *scale) finish(it dataset.Item, rows, cols int, b Boundaries) Image {
	sum := s.image.summary()
	row := Image{ID: it.ID, BodyPart: it.BodyPart, Difficult: it.Difficult, Rows: rows, Columns: cols, Pixels: sum.Pixels,
		Accuracy: sum.Accuracy, WeightedF1: sum.WeightedF1, Confidence: sum.Calibration.MeanConfidence, Calibration: sum.Calibration.Error, Boundaries: b, Confusion: sum.Confusion}
	in := s.image.point(0) // whatever the threshold
	row.TPR, row.FPR = in.TPR, in.FPR
	for k, c := range sum.Classes {
		row.AUC[k], row.F1[k] = c.AUC, undefined
		if c.Pixels > 0 || s.image.predicted(k) > 0 {
			row.F1[k] = Value(c.F1)
		}
	}
	p := s.parts[it.BodyPart]
	if p == nil {
		p = &part{tally: newTally(coarseBits)}
		s.parts[it.BodyPart] = p
	}
	p.boundaries = append(p.boundaries, b)
	p.threshold = s.threshold
	s.image.addTo(p.tally)
	s.image.addTo(s.total)
	if s.keep {
		s.draws = append(s.draws, drawOf(s.image, b))
	}
	s.images = append(s.images, row)
	s.image.reset()
	return row
}
