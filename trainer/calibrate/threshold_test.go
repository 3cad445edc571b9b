package calibrate_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"dicomnode/trainer/calibrate"
	"dicomnode/trainer/dataset"
)

// ramp says soft tissue with probability i/pixels at pixel i, else bone.
type ramp struct{}

func (ramp) Predict(context.Context, []float32) ([]float32, error) {
	p := make([]float32, dataset.Classes*pixels)
	for i := range pixels {
		soft := float32(i) / pixels
		p[pixels+i], p[2*pixels+i] = soft, 1-soft
	}
	return p, nil
}

// ramped are pictures where every second pixel is soft tissue, from the given
// probability on; the others are bone.
func ramped(t *testing.T, part string, from float64, n int) []calibrate.Picture {
	t.Helper()
	var samples []*dataset.Sample
	for range n {
		s := &dataset.Sample{Item: dataset.Item{BodyPart: part}, X: make([]uint16, pixels), Label: make([]uint8, pixels)}
		for i := range s.Label {
			s.Label[i] = dataset.Bone
			if i%2 == 0 && float64(i) >= from*pixels {
				s.Label[i] = dataset.SoftTissue
			}
		}
		samples = append(samples, s)
	}
	p, err := calibrate.Predict(t.Context(), samples, ramp{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFindThresholds(t *testing.T) {
	pictures := append(ramped(t, "hand", 0, 3), ramped(t, "Pelvis", 0.5, 2)...)
	pictures = append(pictures, ramped(t, "", 0, 2)...)
	got, err := calibrate.FindThresholds(pictures, 0.10, 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0].BodyPart != "" || got[1].BodyPart != "HAND" || got[2].BodyPart != "PELVIS" {
		t.Fatalf("got %+v, want all, HAND and PELVIS", got)
	}
	// Of a hand's bone, 10 % lies above 0.9; of its soft tissue too. A pelvis has
	// half as much bone again, and soft tissue in the upper half only.
	for i, want := range []calibrate.Operating{
		{Images: 7, Threshold: 0.887, FalsePositiveRate: 0.10, TruePositiveRate: 0.128},
		{Images: 3, Threshold: 0.9, FalsePositiveRate: 0.10, TruePositiveRate: 0.10},
		{Images: 2, Threshold: 0.85, FalsePositiveRate: 0.10, TruePositiveRate: 0.30},
	} {
		o := got[i]
		if o.Images != want.Images || math.Abs(o.Threshold-want.Threshold) > 0.003 || o.FalsePositiveRate > 0.10 ||
			math.Abs(o.FalsePositiveRate-want.FalsePositiveRate) > 0.002 || math.Abs(o.TruePositiveRate-want.TruePositiveRate) > 0.006 {
			t.Errorf("got %+v, want %+v", o, want)
		}
	}
	card := calibrate.Thresholds(got)
	if card.Threshold != got[0].Threshold || len(card.ByBodyPart) != 2 || card.At("pelvis") != got[2].Threshold {
		t.Errorf("card says %+v", card)
	}
}

func TestFindThresholdsAtTheBounds(t *testing.T) {
	pictures := ramped(t, "", 0, 1)
	easy, err := calibrate.FindThresholds(pictures, 1, 1)
	if err != nil || easy[0].Threshold != 0.5 {
		t.Errorf("got %+v, %v; want the least threshold, ½", easy, err)
	}
	strict, err := calibrate.FindThresholds(pictures, 0, 1)
	if err != nil || strict[0].Threshold != 0.999 {
		t.Errorf("got %+v, %v; want the greatest threshold, 0.999", strict, err)
	}
	if _, err := calibrate.FindThresholds(nil, 0.03, 1); !errors.Is(err, calibrate.ErrEmpty) {
		t.Errorf("got %v, want ErrEmpty", err)
	}
	if _, err := calibrate.FindThresholds(pictures, math.NaN(), 1); err == nil {
		t.Error("a rate that is not a number was accepted")
	}
}
