package compare_test

import (
	"context"
	"errors"
	"testing"

	"dicomnode/trainer/compare"
	"dicomnode/trainer/dataset"
)

// right answers the label, but wrong of every 100 pixels.
type right struct{ wrong int }

func (r right) Segment(_ context.Context, s *dataset.Sample) ([]uint8, error) {
	out := make([]uint8, len(s.Label))
	for i, l := range s.Label {
		if out[i] = l % dataset.Classes; i%100 < r.wrong {
			out[i] = (l + 1) % dataset.Classes
		}
	}
	return out, nil
}

// A candidate that is clearly worse is, one that is better or the same is not; one image
// tells nothing.
func TestTry(t *testing.T) {
	var samples []*dataset.Sample
	for n := range 5 {
		s := &dataset.Sample{Item: dataset.Item{ID: string(rune('a' + n))}, X: make([]uint16, compare.Side*compare.Side), Label: make([]uint8, compare.Side*compare.Side)}
		for i := range s.Label {
			s.Label[i] = uint8((i + n) % dataset.Classes)
		}
		samples = append(samples, s)
	}
	entry := func(wrong int) compare.Entry {
		return compare.Entry{Open: func() (compare.Segmenter, error) { return right{wrong}, nil }}
	}
	for _, c := range []struct {
		inUse, candidate int
		worse            bool
	}{{5, 10, true}, {10, 5, false}, {5, 5, false}} {
		trial, err := compare.Try(t.Context(), samples, entry(c.inUse), entry(c.candidate), compare.Options{Seed: 1, Resamples: 200})
		if err != nil {
			t.Fatal(err)
		}
		if trial.Worse() != c.worse || trial.Images != 5 || trial.Digest != dataset.Digest(samples) {
			t.Errorf("%d against %d wrong: worse %v, %+v", c.candidate, c.inUse, trial.Worse(), trial.Accuracy)
		}
	}
	if _, err := compare.Try(t.Context(), samples[:1], entry(5), entry(10), compare.Options{}); !errors.Is(err, compare.ErrTooFew) {
		t.Errorf("one image: %v", err)
	}
}
