package dataset_test

import (
	"context"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/trainer/dataset"
)

// The labelled radiographs have no problem, and every polarity is what the label
// shows.
func TestSharedLabelled(t *testing.T) {
	dir := dicomtest.Shared(t, "labelled")
	r, err := dataset.Check(context.Background(), dir, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Images != 16 || len(r.Problems) > 0 {
		t.Errorf("%d images, problems %+v", r.Images, r.Problems)
	}
	f, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, it := range f.Items {
		p, err := f.Load(it)
		if err != nil {
			t.Fatal(err)
		}
		if got, margin, ok := dataset.GuessPolarity(p.Pix, p.Label); !ok || got != dataset.AirBright || margin < 0.1 {
			t.Errorf("%s: loaded as %s by %v", it.ID, got, margin)
		}
	}
}
