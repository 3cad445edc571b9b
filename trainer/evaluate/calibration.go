package evaluate

import "dicomnode/trainer/dataset"

// CalibrationBins is the number of equal bins of the chosen class's probability
// over which the expected calibration error is taken.
const CalibrationBins = 15

// bins sorts pixels by the probability of the chosen class.
type bins [CalibrationBins]struct {
	pixels, correct int64
	confidence      float64
}

func (b *bins) add(p float32, correct bool) {
	i := min(max(int(p*CalibrationBins), 0), CalibrationBins-1)
	b[i].pixels++
	b[i].confidence += float64(p)
	if correct {
		b[i].correct++
	}
}

func (b *bins) merge(o *bins) {
	for i := range b {
		b[i].pixels += o[i].pixels
		b[i].correct += o[i].correct
		b[i].confidence += o[i].confidence
	}
}

// Calibration compares the probability of the chosen class with how often it was
// right. Error is the expected calibration error: the mean over pixels of
// |confidence − accuracy| of the pixel's bin (Guo et al. 2017). Gap is the paper's
// measure: mean confidence − accuracy.
type Calibration struct {
	MeanConfidence float64          `json:"mean_confidence"`
	Gap            float64          `json:"gap"`
	Error          float64          `json:"expected_calibration_error"`
	Bins           int              `json:"bins"`
	Histogram      []CalibrationBin `json:"histogram,omitempty"`
}

// CalibrationBin is one bin of the confidence histogram: pixels whose chosen class
// has a probability from Low to below High. Confidence and Accuracy are undefined
// when it is empty.
type CalibrationBin struct {
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Pixels     int64   `json:"pixels"`
	Confidence Value   `json:"confidence"`
	Accuracy   Value   `json:"accuracy"`
}

func (b *bins) calibration() Calibration {
	c := Calibration{Bins: len(b)}
	var pixels, correct int64
	for _, x := range b {
		pixels, correct = pixels+x.pixels, correct+x.correct
		c.MeanConfidence += x.confidence
		c.Error += abs(x.confidence - float64(x.correct))
	}
	if pixels > 0 {
		c.MeanConfidence /= float64(pixels)
		c.Error /= float64(pixels)
		c.Gap = c.MeanConfidence - ratio(correct, pixels)
	}
	return c
}

func (b *bins) histogram() []CalibrationBin {
	out := make([]CalibrationBin, len(b))
	for i, x := range b {
		out[i] = CalibrationBin{Low: float64(i) / CalibrationBins, High: float64(i+1) / CalibrationBins, Pixels: x.pixels,
			Confidence: undefined, Accuracy: share(x.correct, x.pixels)}
		if x.pixels > 0 {
			out[i].Confidence = Value(x.confidence / float64(x.pixels))
		}
	}
	return out
}

// classBins are the bins of pixels by the class chosen for them.
type classBins [dataset.Classes]bins

func (c *classBins) merge(o *classBins) {
	for k := range c {
		c[k].merge(&o[k])
	}
}

// all pools the classes.
func (c *classBins) all() *bins {
	var b bins
	for k := range c {
		b.merge(&c[k])
	}
	return &b
}

func abs(v float64) float64 {
	if v < 0 {
		return -v
	}
	return v
}
