package evaluate

import (
	"cmp"
	"slices"

	"dicomnode/segment/picture"
	"dicomnode/trainer/dataset"
)

// Confusion counts pixels: Confusion[truth][prediction].
type Confusion [dataset.Classes][dataset.Classes]int64

// Add adds o to c.
func (c *Confusion) Add(o Confusion) {
	for t := range c {
		for p := range c[t] {
			c[t][p] += o[t][p]
		}
	}
}

// truths is the number of pixels labelled k, and of the rest.
func (c Confusion) truths(k int) (in, out int64) {
	for t := range c {
		for _, n := range c[t] {
			if t == k {
				in += n
			} else {
				out += n
			}
		}
	}
	return in, out
}

// Class holds one class's figures. A ratio of counts without a denominator is 0.
type Class struct {
	Name       string   `json:"name"`
	Pixels     int64    `json:"pixels"`   // labelled as this class
	Accuracy   float64  `json:"accuracy"` // (TP+TN)/all, one class against the rest
	Precision  float64  `json:"precision"`
	Recall     float64  `json:"recall"` // the diagonal of the normalised confusion matrix
	F1         float64  `json:"f1"`
	AUC        Value    `json:"auc"`                        // one class against the rest
	AUCError   Value    `json:"auc_error"`                  // at most so far from the AUC without bins
	Confidence Value    `json:"confidence"`                 // mean probability of pixels assigned to this class
	Gap        Value    `json:"gap"`                        // confidence − precision
	ECE        Value    `json:"expected_calibration_error"` // of those pixels
	Boundary   Boundary `json:"boundary"`
}

// Summary holds the figures of a set of images, their pixels pooled; boundary
// distances are means over images.
type Summary struct {
	Pixels                int64                  `json:"pixels"`                  // scored
	Accuracy              float64                `json:"accuracy"`                // correct pixels / pixels = recall weighted by support
	WeightedF1            float64                `json:"weighted_f1"`             // F1 weighted by support
	WeightedAUC           Value                  `json:"weighted_auc"`            // AUC weighted by support, of the classes that have one
	WeightedPrecision     float64                `json:"weighted_precision"`      // precision weighted by support
	WeightedClassAccuracy float64                `json:"weighted_class_accuracy"` // the classes' own accuracies weighted by support
	CrossEntropy          Value                  `json:"cross_entropy"`           // mean of −ln of the probability of the labelled class, at least 1e-7: nats per pixel
	Classes               [dataset.Classes]Class `json:"classes"`
	Confusion             Confusion              `json:"confusion"` // [truth][prediction], pixels
	Calibration           Calibration            `json:"calibration"`
}

// Summarise computes what follows from the counts; the rest is undefined.
func Summarise(c Confusion) Summary {
	s := Summary{Confusion: c, WeightedAUC: undefined, CrossEntropy: undefined}
	var correct int64
	for t := range c {
		for p := range c[t] {
			s.Pixels += c[t][p]
		}
		correct += c[t][t]
	}
	s.Accuracy = ratio(correct, s.Pixels)
	for k := range s.Classes {
		s.Classes[k] = classOf(c, k, s.Pixels)
		support := ratio(s.Classes[k].Pixels, s.Pixels)
		s.WeightedF1 += s.Classes[k].F1 * support
		s.WeightedPrecision += s.Classes[k].Precision * support
		s.WeightedClassAccuracy += s.Classes[k].Accuracy * support
	}
	return s
}

func classOf(c Confusion, k int, all int64) Class {
	truth, _ := c.truths(k)
	var predicted int64
	for i := range c {
		predicted += c[i][k]
	}
	hit := c[k][k]
	return Class{Name: dataset.ClassNames[k], Pixels: truth,
		Accuracy:  ratio(all-truth-predicted+2*hit, all),
		Precision: ratio(hit, predicted), Recall: ratio(hit, truth), F1: ratio(2*hit, truth+predicted),
		AUC: undefined, AUCError: undefined, Confidence: undefined, Gap: undefined, ECE: undefined, Boundary: noBoundary}
}

// Image is one image's row of the table. A figure of a class that is neither
// labelled nor predicted in it is undefined.
type Image struct {
	ID          string                 `json:"id"`
	BodyPart    string                 `json:"body_part"`
	Difficult   bool                   `json:"difficult"`
	Trunk       bool                   `json:"trunk,omitempty"` // segmented by the model for images of trunk and head
	Rows        int                    `json:"rows"`
	Columns     int                    `json:"columns"`
	Pixels      int64                  `json:"pixels"`
	Accuracy    float64                `json:"accuracy"`
	WeightedF1  float64                `json:"weighted_f1"`
	F1          [dataset.Classes]Value `json:"f1"`
	AUC         [dataset.Classes]Value `json:"auc"`
	Confidence  float64                `json:"mean_confidence"`
	Calibration float64                `json:"expected_calibration_error"`
	TPR         Value                  `json:"soft_tissue_tpr"` // at the threshold in use
	FPR         Value                  `json:"soft_tissue_fpr"`
	Quality     *float64               `json:"quality,omitempty"` // of segment.Quality, 0 to 1; nil: not computed
	Boundaries  Boundaries             `json:"boundaries"`
	Confusion   Confusion              `json:"confusion"`
}

// ImageMeans are means over images, each of the same weight however many pixels it
// has; a class's F1 over the images where it is defined.
type ImageMeans struct {
	Accuracy   Value                  `json:"accuracy"`
	WeightedF1 Value                  `json:"weighted_f1"`
	F1         [dataset.Classes]Value `json:"f1"`
	TPR        Value                  `json:"soft_tissue_tpr"` // at the thresholds in use
	FPR        Value                  `json:"soft_tissue_fpr"`
}

// BodyPart pools the images of one body part.
type BodyPart struct {
	Name   string `json:"name"`
	Images int    `json:"images"`
	Summary
	Operating  OperatingPoint              `json:"operating_point"`
	Strict     *OperatingPoint             `json:"fpr_at_most_3_percent"`
	Precise    *OperatingPoint             `json:"precision_at_least_97_percent"`
	ROC        [dataset.Classes][]ROCPoint `json:"roc"`
	SoftTissue []OperatingPoint            `json:"soft_tissue"`
}

// Result is everything measured at one resolution.
type Result struct {
	Summary
	ImageMeans ImageMeans                  `json:"image_means"`
	Intervals  *Intervals                  `json:"intervals,omitempty"`           // of one image there are none
	Operating  OperatingPoint              `json:"operating_point"`               // each body part at its own threshold; Threshold is that of the others
	Strict     *OperatingPoint             `json:"fpr_at_most_3_percent"`         // the lowest threshold with that false-positive rate; nil if there is none
	Precise    *OperatingPoint             `json:"precision_at_least_97_percent"` // the lowest threshold with the paper's precision; nil if there is none
	ROC        [dataset.Classes][]ROCPoint `json:"roc"`
	SoftTissue []OperatingPoint            `json:"soft_tissue"` // by threshold, ascending
	Within     [dataset.Classes][]Within   `json:"boundary_within"`
	BodyParts  []BodyPart                  `json:"body_parts"`
	Images     []Image                     `json:"images"`
}

// Model identifies what was evaluated.
type Model struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"` // SHA-256 of the bundle, hexadecimal
	Device  string `json:"device"`
}

// Report is the evaluation of one predictor on one data set: the embedded Result at
// the network's 200×200 pixels, Native at the pixels of the images. Refined is Native's
// refined probabilities averaged over the 200×200 pixels, where images weigh alike. Pixels labelled
// 255 and padding are not scored.
type Report struct {
	Folder    string                `json:"folder,omitempty"`   // the last element of its path
	Excluded  []string              `json:"excluded,omitempty"` // ids left out by request
	Splits    []string              `json:"splits,omitempty"`   // splits scored; none: all
	Model     *Model                `json:"model,omitempty"`
	Trunk     *Model                `json:"trunk_model,omitempty"`                  // of images of trunk and head, and those that Model is unsure of
	Guided    *picture.GuidedFilter `json:"guided,omitempty"`                       // what refined Native and Refined
	Threshold float64               `json:"soft_tissue_threshold"`                  // of body parts without their own
	Chosen    string                `json:"soft_tissue_threshold_chosen,omitempty"` // how they were chosen; Options.Chosen
	Result
	Refined *Result `json:"refined,omitempty"` // nil without refinement
	Native  *Result `json:"native,omitempty"`
	Flag    *Flag   `json:"flag,omitempty"` // of the images' qualities; nil: not computed

	Worst  []Case `json:"-"` // the images with the lowest accuracy, lowest first
	Sample []Case `json:"-"` // images drawn at random, by id
}

// result gathers what was tallied.
func (s *scale) result(opt Options) Result {
	r := Result{Summary: s.total.summary(), Images: s.images, SoftTissue: s.total.soft.curve(s.total.confusion, paperThreshold, opt.SoftTissue.General()), Operating: s.total.point(opt.SoftTissue.General()),
		Strict: s.total.soft.reaching(s.total.confusion, strict), Precise: s.total.soft.reaching(s.total.confusion, precise)}
	r.Calibration.Histogram = s.total.bins.all().histogram()
	all := make([]Boundaries, 0, len(s.images))
	for _, i := range s.images {
		all = append(all, i.Boundaries)
	}
	r.setBoundaries(averageBoundaries(all))
	r.Within = averageWithin(all)
	r.ROC = s.total.roc(rocStep)
	for name, p := range s.parts {
		r.BodyParts = append(r.BodyParts, p.result(name, p.threshold))
	}
	slices.SortFunc(r.BodyParts, func(a, b BodyPart) int { return cmp.Compare(a.Name, b.Name) })
	r.ImageMeans = meansOf(s.images)
	r.Intervals = intervals(s.draws, r.Summary, opt)
	return r
}

func (p *part) result(name string, threshold float64) BodyPart {
	out := BodyPart{Name: name, Images: len(p.boundaries), Summary: p.summary(), Operating: p.point(threshold),
		Strict: p.soft.reaching(p.confusion, strict), Precise: p.soft.reaching(p.confusion, precise), ROC: p.roc(rocPartStep), SoftTissue: p.soft.curve(p.confusion, 1, threshold)}
	out.Calibration.Histogram = p.bins.all().histogram()
	out.setBoundaries(averageBoundaries(p.boundaries))
	return out
}

func (s *Summary) setBoundaries(b Boundaries) {
	for k := range s.Classes {
		s.Classes[k].Boundary = b[k]
	}
}

func meansOf(images []Image) ImageMeans {
	var accuracy, f1, tpr, fpr []Value
	var byClass [dataset.Classes][]Value
	for _, i := range images {
		if i.Pixels == 0 {
			continue
		}
		accuracy, f1 = append(accuracy, Value(i.Accuracy)), append(f1, Value(i.WeightedF1))
		tpr, fpr = append(tpr, i.TPR), append(fpr, i.FPR)
		for k := range byClass {
			byClass[k] = append(byClass[k], i.F1[k])
		}
	}
	var m ImageMeans
	m.Accuracy, _ = average(accuracy)
	m.WeightedF1, _ = average(f1)
	m.TPR, _ = average(tpr)
	m.FPR, _ = average(fpr)
	for k := range byClass {
		m.F1[k], _ = average(byClass[k])
	}
	return m
}
