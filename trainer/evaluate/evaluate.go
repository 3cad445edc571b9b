// Package evaluate scores a network on a labelled data set folder: confusion
// matrix, accuracy, precision, recall and F1 per class, per image, per body
// part, and how well its probabilities are calibrated. All of it is measured at
// the network's 200×200 pixels with the pixels of all images pooled; pixels
// labelled 255 and padding are left out. It knows nothing of thresholds and
// exposed fields, which the node applies after the network.
package evaluate

import (
	"context"
	"errors"
	"fmt"

	"dicomnode/segment"
	"dicomnode/trainer/dataset"
)

// Options chooses what is scored.
type Options struct {
	Exclude []string // patterns of ids to leave out, as in path.Match: "*phantom*"
	Splits  []string // splits to score; none: all
	Workers int      // images loaded at once; 0: one per CPU
}

// ErrEmpty is returned when nothing is left to score.
var ErrEmpty = errors.New("no labelled pixel to score")

// Run scores predictor p on the folder.
func Run(ctx context.Context, folder string, p segment.Predictor, opt Options) (*Report, error) {
	samples, excluded, err := Load(ctx, folder, opt)
	if err != nil {
		return nil, err
	}
	r, err := Measure(ctx, samples, p)
	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", folder, err)
	}
	r.Folder, r.Excluded = folder, excluded
	return r, nil
}

// Load reads the samples that opt chooses, and names those left out by pattern.
func Load(ctx context.Context, folder string, opt Options) (samples []*dataset.Sample, excluded []string, err error) {
	f, err := dataset.Open(folder)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	items, err := dataset.Select(f.Items, opt.Splits, nil)
	if err != nil {
		return nil, nil, err
	}
	kept, err := dataset.Select(items, nil, opt.Exclude)
	if err != nil {
		return nil, nil, err
	}
	samples, err = f.Preload(ctx, kept, opt.Workers)
	return samples, missing(items, kept), err
}

// missing lists the ids of all that are not in kept; both have the same order.
func missing(all, kept []dataset.Item) []string {
	var out []string
	for _, it := range all {
		if len(kept) > 0 && kept[0].ID == it.ID {
			kept = kept[1:]
			continue
		}
		out = append(out, it.ID)
	}
	return out
}

// Measure scores predictor p on samples.
func Measure(ctx context.Context, samples []*dataset.Sample, p segment.Predictor) (*Report, error) {
	x := make([]float32, dataset.Side*dataset.Side)
	scores := make([]score, 0, len(samples))
	for _, s := range samples {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.Picture(x)
		probabilities, err := p.Predict(ctx, x)
		if err != nil {
			return nil, fmt.Errorf("predict %s: %w", s.Item.ID, err)
		}
		if len(probabilities) != dataset.Classes*len(x) {
			return nil, fmt.Errorf("predict %s: %d probabilities, want %d", s.Item.ID, len(probabilities), dataset.Classes*len(x))
		}
		scores = append(scores, scoreOf(s.Item, s.Label, probabilities))
	}
	r := newReport(scores)
	if r.Pixels == 0 {
		return nil, ErrEmpty
	}
	return r, nil
}

// score is what one image contributes.
type score struct {
	item      dataset.Item
	confusion Confusion
	bins      bins
}

func (s *score) add(o score) {
	s.confusion.Add(o.confusion)
	for i := range s.bins {
		s.bins[i].pixels += o.bins[i].pixels
		s.bins[i].correct += o.bins[i].correct
		s.bins[i].confidence += o.bins[i].confidence
	}
}

// scoreOf compares label with probabilities, classes × pixels. The most probable
// class is the prediction, the lower index on a tie.
func scoreOf(it dataset.Item, label []uint8, probabilities []float32) score {
	s := score{item: it}
	n := len(label)
	for i, truth := range label {
		if truth == dataset.Ignore {
			continue
		}
		best, p := 0, probabilities[i]
		for k := 1; k < dataset.Classes; k++ {
			if v := probabilities[k*n+i]; v > p {
				best, p = k, v
			}
		}
		s.confusion[truth][best]++
		s.bins.add(p, int(truth) == best)
	}
	return s
}

// bins sorts pixels by the probability of the chosen class.
type bins [15]struct {
	pixels, correct int64
	confidence      float64
}

func (b *bins) add(p float32, correct bool) {
	i := min(max(int(p*float32(len(b))), 0), len(b)-1)
	b[i].pixels++
	b[i].confidence += float64(p)
	if correct {
		b[i].correct++
	}
}

func (b *bins) calibration() Calibration {
	c := Calibration{Bins: len(b)}
	var pixels int64
	for _, x := range b {
		pixels += x.pixels
		c.MeanConfidence += x.confidence
		c.Error += abs(x.confidence - float64(x.correct))
	}
	if pixels > 0 {
		c.MeanConfidence /= float64(pixels)
		c.Error /= float64(pixels)
	}
	return c
}

func abs(v float64) float64 {
	if v < 0 {
		return -v
	}
	return v
}
