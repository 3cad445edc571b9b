package simulate_test

import (
	"slices"
	"testing"

	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate"
)

// TestRunWritesBothPolarities: about half of the pictures have a dark open beam, and each has
// its polarity in the table.
func TestRunWritesBothPolarities(t *testing.T) {
	f, err := dataset.Open(run(t, simulate.Options{Count: 24, Seed: 2, Size: 96}))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dark, compared := 0, 0
	for _, item := range f.Items {
		if item.Polarity == dataset.AirDark {
			dark++
		}
		p, err := f.Load(item)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(p.Label, dataset.OpenBeam) { // a detail
			continue
		}
		compared++
		if air, bone := brightness(p, dataset.OpenBeam), brightness(p, dataset.Bone); air <= bone {
			t.Errorf("%s (%s): loaded with open beam %.2f and bone %.2f", item.ID, item.Polarity, air, bone)
		}
	}
	if compared < 12 {
		t.Errorf("only %d of 24 pictures have open beam", compared)
	}
	if dark < 6 || dark > 18 {
		t.Errorf("%d of 24 pictures are dark, want about half", dark)
	}
}

// brightness returns the mean of a class's pixels.
func brightness(p *dataset.Picture, class uint8) float64 {
	sum, n := 0.0, 0.0
	for i, l := range p.Label {
		if l == class {
			sum, n = sum+float64(p.Pix[i]), n+1
		}
	}
	return sum / max(n, 1)
}
