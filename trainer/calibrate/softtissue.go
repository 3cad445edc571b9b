package calibrate

import (
	"context"
	"fmt"
	"math"

	"dicomnode/segment"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// steps is the number of thresholds.
const steps = 1000

// SoftTissue counts the labelled pixels of an image by their probability of soft tissue.
type SoftTissue struct {
	BodyPart string
	// Element i counts pixels that are most likely soft tissue, with a probability of
	// i/1000 and less than the next: soft those labelled so, other the rest.
	soft, other          []int64
	positives, negatives int64 // labelled soft tissue, labelled otherwise
}

func newSoftTissue(bodyPart string) SoftTissue {
	return SoftTissue{BodyPart: bodyPart, soft: make([]int64, steps+1), other: make([]int64, steps+1)}
}

// add counts a pixel with its probabilities; 1e-4 of a step is what single precision
// takes from a multiple of 0.001.
func (s *SoftTissue) add(truth uint8, p [dataset.Classes]float32) {
	counts, all := s.other, &s.negatives
	switch {
	case truth == dataset.Ignore:
		return
	case truth == dataset.SoftTissue:
		counts, all = s.soft, &s.positives
	}
	*all++
	if v := p[dataset.SoftTissue]; v > p[dataset.OpenBeam] && v >= p[dataset.Bone] { // the lower index on a tie
		counts[min(max(int(math.Floor(float64(v)*steps+1e-4)), 0), steps)]++
	}
}

// Place is the resolution and effort at which soft tissue is counted.
type Place struct {
	Native bool                  // native resolution; otherwise the network's 200×200
	Guided *picture.GuidedFilter // of Native: nil is bilinear interpolation
	Effort scales.Effort         // of the predictions
	// Correction is of the probabilities there.
	Correction picture.Correction
}

// Count runs the network on the items of folders that data chooses. One image is in
// memory at a time, besides the samples that are returned, the network's view of each.
func Count(ctx context.Context, folders []string, data evaluate.Options, p segment.Predictor, at Place) (counts []SoftTissue, samples []*dataset.Sample, err error) {
	for _, folder := range folders {
		f, err := dataset.Open(folder)
		if err != nil {
			return nil, nil, err
		}
		err = eachItem(ctx, f, data, func(it dataset.Item, picture *dataset.Picture) error {
			s := dataset.NewSample(it, picture)
			count, err := at.count(ctx, s, picture, p)
			counts, samples = append(counts, count), append(samples, s)
			return err
		})
		f.Close()
		if err != nil {
			return nil, nil, fmt.Errorf("count soft tissue of %s: %w", folder, err)
		}
	}
	return counts, samples, nil
}

func eachItem(ctx context.Context, f *dataset.Folder, data evaluate.Options, do func(dataset.Item, *dataset.Picture) error) error {
	items, _, err := evaluate.Choose(f, data)
	if err != nil {
		return err
	}
	for i, it := range items {
		if err := ctx.Err(); err != nil {
			return err
		}
		picture, err := f.Load(it)
		if err == nil {
			err = do(it, picture)
		}
		if err != nil {
			return fmt.Errorf("item %s: %w", it.ID, err)
		}
		if data.Progress != nil {
			data.Progress(i+1, len(items))
		}
	}
	return nil
}

// count predicts one sample of a picture.
func (at Place) count(ctx context.Context, s *dataset.Sample, full *dataset.Picture, p segment.Predictor) (SoftTissue, error) {
	a, err := at.Effort.Predict(ctx, p, scales.Picture{Pix: full.Pix, Rows: full.Rows, Columns: full.Cols})
	if err != nil {
		return SoftTissue{}, err
	}
	if at.Native {
		return at.native(s, full, a.Map), nil
	}
	count, answer, n := newSoftTissue(s.Item.BodyPart), a.Small().Corrected(at.Correction).Answer(), len(s.Label)
	for i, truth := range s.Label {
		count.add(truth, [dataset.Classes]float32{answer[i], answer[n+i], answer[2*n+i]})
	}
	return count, nil
}

// native brings the answer to the picture's pixels as the node does it in an image that
// is exposed everywhere. The node then removes small islands, which can only take
// pixels away from soft tissue of high precision: those that join soft tissue have a
// probability below ½.
func (at Place) native(s *dataset.Sample, full *dataset.Picture, answer picture.Map) SoftTissue {
	up := segment.Config{Guided: at.Guided, Correction: at.Correction}.Probabilities(answer, full.Pix, nil)
	buffer := make([]float32, dataset.Classes*full.Cols)
	var row [picture.Classes][]float32
	for k := range row {
		row[k] = buffer[k*full.Cols:][:full.Cols]
	}
	count := newSoftTissue(s.Item.BodyPart)
	for y := range full.Rows {
		up.Row(y, row)
		for x, truth := range full.Label[y*full.Cols:][:full.Cols] {
			count.add(truth, [dataset.Classes]float32{row[0][x], row[1][x], row[2][x]})
		}
	}
	return count
}
