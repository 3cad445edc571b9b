package model_test

import (
	"math"
	"testing"

	"dicomnode/model"
)

// A deepened network computes what the shallow one does; its new blocks begin at random.
func TestDeepenKeepsTheFunction(t *testing.T) {
	x, w := noise(3), lively(model.XNet(2))
	deep, err := w.Deepen("xnet-deep", 7)
	if err != nil {
		t.Fatal(err)
	}
	want, got := reference{w}.probabilities(x), reference{deep}.probabilities(x)
	for i := range want {
		if math.Abs(want[i]-got[i]) > 1e-6 {
			t.Fatalf("pixel %d is %g, not %g", i, got[i], want[i])
		}
	}
	if k := deep.Arrays["a11 deep2.kernel"]; len(k) != 16*16*9 || k[0] == 0 {
		t.Errorf("%d values, the first %v", len(k), k[0])
	}
}

func TestDeepenRefusesAnotherNetwork(t *testing.T) {
	for _, architecture := range []string{"u-net", "segnet-basic", "nothing"} {
		if _, err := model.XNet(2).Init(1).Deepen(architecture, 1); err == nil {
			t.Errorf("XNet became %s", architecture)
		}
	}
}
