package compare_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"dicomnode/segment/field"
	"dicomnode/segment/picture"
	"dicomnode/trainer/compare"
	"dicomnode/trainer/compare/classical"
	"dicomnode/trainer/dataset"
)

// leftHalf is a finder that sees the left half exposed and counts how often it is asked.
type leftHalf struct {
	asked map[string]int // by the picture's size and first value
	err   error
}

func (l leftHalf) ExposedField(ctx context.Context, pix []float32, rows, cols int) (picture.Mask, field.Record, error) {
	l.asked[fmt.Sprint(rows, cols, pix[0])]++
	m := make(picture.Mask, rows*cols)
	for i := range m {
		m[i] = i%cols < cols/2
	}
	return m, field.Record{}, errors.Join(l.err, ctx.Err())
}

// shutter is the limb beside which a shutter hides the right half.
func shutter(id string, corner uint16) *dataset.Sample {
	s := limbSample()
	s.Item.ID, s.X[0] = id, corner
	for i := range s.X {
		if i%compare.Side >= compare.Side/2 {
			s.X[i] = 0
		}
	}
	return s
}

// All methods, tuned ones too, see what the finder finds, and it is asked once per image.
func TestFieldIsAskedOncePerImage(t *testing.T) {
	samples := []*dataset.Sample{shutter("a", 50000), shutter("b", 60000)}
	finder := leftHalf{asked: map[string]int{}}
	p := classical.Defaults()
	r, err := compare.Run(t.Context(), samples, compare.ClassicalEntries(p, true, finder), compare.Options{Resamples: 10})
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Collect(maps.Values(finder.asked)); !slices.Equal(got, []int{1, 1}) || len(r.Rows) != 5 {
		t.Errorf("%d rows; asked %v, want twice once", len(r.Rows), finder.asked)
	}
	p.Input.Field = false
	whole, err := compare.Run(t.Context(), samples, compare.ClassicalEntries(p, false, nil), compare.Options{Resamples: 10})
	if err != nil {
		t.Fatal(err)
	}
	if whole.Rows[0].Confusion == r.Rows[0].Confusion {
		t.Error("multi-otsu does the same with the field and without")
	}
}

// What the finder cannot do is no picture without a field.
func TestFieldErrorsEndTheComparison(t *testing.T) {
	cause := errors.New("no device")
	for _, e := range compare.ClassicalEntries(classical.Defaults(), true, leftHalf{map[string]int{}, cause}) {
		_, err := compare.Run(t.Context(), []*dataset.Sample{shutter("a", 0)}, []compare.Entry{e}, compare.Options{})
		if !errors.Is(err, cause) {
			t.Errorf("%s: error %v", e.Name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopping := stopper{cancel, leftHalf{asked: map[string]int{}}}
	_, err := compare.Run(ctx, []*dataset.Sample{shutter("a", 0)}, compare.ClassicalEntries(classical.Defaults(), false, stopping), compare.Options{})
	if !errors.Is(err, context.Canceled) || len(stopping.asked) != 1 {
		t.Errorf("cancelled in the search: error %v after %v", err, stopping.asked)
	}
}

// stopper cancels in its search.
type stopper struct {
	stop context.CancelFunc
	leftHalf
}

func (s stopper) ExposedField(ctx context.Context, pix []float32, rows, cols int) (picture.Mask, field.Record, error) {
	s.stop()
	return s.leftHalf.ExposedField(ctx, pix, rows, cols)
}
