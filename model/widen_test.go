package model_test

import (
	"math"
	"slices"
	"testing"

	"dicomnode/model"
)

// A widened network computes what the narrow one does, whatever the widths.
func TestWidenKeepsTheFunction(t *testing.T) {
	x := noise(3)
	for _, c := range []struct {
		narrow model.Network
		width  int
	}{
		{model.XNet(2), 4}, {model.XNet(2), 3}, {model.XNet(2), 2},
		{model.Network{Architecture: "segnet-basic", Width: 2}, 4}, {model.Network{Architecture: "u-net", Width: 1}, 2},
	} {
		w := lively(c.narrow)
		wide, err := w.Widen(c.width, 7)
		if err != nil {
			t.Fatal(err)
		}
		want := reference{w}.probabilities(x)
		got := reference{wide}.probabilities(x)
		worst := 0.0
		for i := range want {
			worst = max(worst, math.Abs(want[i]-got[i]))
		}
		if worst > 1e-5 {
			t.Errorf("%s at width %d differs by %g", c.narrow, c.width, worst)
		}
	}
}

// Copies of a channel must not be read alike, or they would never differ.
func TestWidenBreaksTheSymmetry(t *testing.T) {
	wide, err := model.XNet(2).Init(1).Widen(4, 7)
	if err != nil {
		t.Fatal(err)
	}
	kernel := wide.Arrays[model.OutKernel] // 3×Features×1×1
	half := kernel[:4]                     // the four copies of a1's two channels, read for open beam
	if slices.Equal(half[:2], half[2:]) {
		t.Errorf("both copies are read alike: %v", half)
	}
	again, _ := model.XNet(2).Init(1).Widen(4, 7)
	if !slices.Equal(wide.Flat(), again.Flat()) {
		t.Error("the same seed widens to other weights")
	}
}

func TestWidenRefusesWhatItCannotHold(t *testing.T) {
	for _, width := range []int{0, 1, 129} {
		if _, err := model.XNet(2).Init(1).Widen(width, 1); err == nil {
			t.Errorf("width 2 was widened to %d", width)
		}
	}
}
