package evaluate

import (
	"cmp"
	"slices"

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

// Class holds one class's figures; a ratio without a denominator is 0.
type Class struct {
	Name      string  `json:"name"`
	Pixels    int64   `json:"pixels"`   // labelled as this class
	Accuracy  float64 `json:"accuracy"` // (TP+TN)/all, one class against the rest
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
}

// Summary holds the figures of a set of pixels.
type Summary struct {
	Pixels     int64                  `json:"pixels"`      // scored
	Accuracy   float64                `json:"accuracy"`    // correct pixels / pixels = recall weighted by support
	WeightedF1 float64                `json:"weighted_f1"` // F1 weighted by support
	Classes    [dataset.Classes]Class `json:"classes"`
	Confusion  Confusion              `json:"confusion"` // [truth][prediction], pixels
}

// Summarise computes the figures from the counts.
func Summarise(c Confusion) Summary {
	s := Summary{Confusion: c}
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
		s.WeightedF1 += s.Classes[k].F1 * ratio(s.Classes[k].Pixels, s.Pixels)
	}
	return s
}

func classOf(c Confusion, k int, all int64) Class {
	var truth, predicted int64
	for i := range c {
		truth += c[k][i]
		predicted += c[i][k]
	}
	hit := c[k][k]
	return Class{Name: dataset.ClassNames[k], Pixels: truth,
		Accuracy:  ratio(all-truth-predicted+2*hit, all),
		Precision: ratio(hit, predicted), Recall: ratio(hit, truth), F1: ratio(2*hit, truth+predicted)}
}

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// Image is one image's row of the table.
type Image struct {
	ID        string                   `json:"id"`
	BodyPart  string                   `json:"body_part"`
	Difficult bool                     `json:"difficult"`
	Pixels    int64                    `json:"pixels"`
	Accuracy  float64                  `json:"accuracy"`
	F1        [dataset.Classes]float64 `json:"f1"`
}

// BodyPart pools the images of one body part.
type BodyPart struct {
	Name   string `json:"name"`
	Images int    `json:"images"`
	Summary
}

// Calibration compares the probability of the chosen class with how often it
// was right. Error is the expected calibration error over Bins equal bins.
type Calibration struct {
	MeanConfidence float64 `json:"mean_confidence"`
	Error          float64 `json:"expected_calibration_error"`
	Bins           int     `json:"bins"`
}

// Report is the evaluation of one predictor on one data set, at the network's
// 200×200 pixels. Pixels labelled 255 and padding are not scored.
type Report struct {
	Folder   string   `json:"folder,omitempty"`
	Excluded []string `json:"excluded,omitempty"` // ids left out by request
	Summary
	Calibration Calibration `json:"calibration"`
	BodyParts   []BodyPart  `json:"body_parts"`
	Images      []Image     `json:"images"`
}

// newReport makes the report of images scored one by one.
func newReport(scores []score) *Report {
	var total score
	parts := map[string]*BodyPart{}
	r := &Report{}
	for _, s := range scores {
		total.add(s)
		sum := Summarise(s.confusion)
		row := Image{ID: s.item.ID, BodyPart: s.item.BodyPart, Difficult: s.item.Difficult, Pixels: sum.Pixels, Accuracy: sum.Accuracy}
		for k, c := range sum.Classes {
			row.F1[k] = c.F1
		}
		r.Images = append(r.Images, row)
		part := parts[s.item.BodyPart]
		if part == nil {
			part = &BodyPart{Name: s.item.BodyPart}
			parts[s.item.BodyPart] = part
		}
		part.Images++
		part.Confusion.Add(s.confusion)
	}
	for _, part := range parts {
		part.Summary = Summarise(part.Confusion)
		r.BodyParts = append(r.BodyParts, *part)
	}
	slices.SortFunc(r.BodyParts, func(a, b BodyPart) int { return cmp.Compare(a.Name, b.Name) })
	r.Summary = Summarise(total.confusion)
	r.Calibration = total.bins.calibration()
	return r
}
