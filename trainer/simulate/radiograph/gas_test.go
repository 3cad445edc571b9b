package radiograph

import (
	"slices"
	"testing"

	"dicomnode/internal/raster"
	"dicomnode/trainer/simulate/random"
)

const gasSide = 64

// thickBody is a body of 300 mm, of which 120 mm more would be muscle without lungs.
func thickBody(part string, scanned bool, index int) *Sheet {
	s := &Sheet{d: random.New(1, 5, index), w: gasSide, h: gasSide, unit: .32, part: part, trunk: true, scanned: scanned}
	s.skin, s.air = raster.New(gasSide, gasSide), raster.New(gasSide, gasSide)
	for i := range s.skin.V {
		s.skin.V[i], s.air.V[i] = 300, 120
	}
	return s
}

// Disease fills some of the air in the lungs of about half of the chests, and never more than all.
func TestOpacify(t *testing.T) {
	const n = 60
	diseased, share := 0, 0.
	for i := range n {
		s := thickBody("chest", true, i)
		s.opacify()
		filled := s.skin.Mean() - 300
		if filled > 0 {
			diseased++
			share += float64(filled) / 120
		}
		for k, t1 := range s.skin.V {
			if t1 < 300 || t1+s.air.V[k] < 420-1e-3 || t1+s.air.V[k] > 420+1e-3 {
				t.Fatalf("chest %d: body %g mm and air %g mm, want 420 mm together", i, t1, s.air.V[k])
			}
		}
		other := thickBody("abdomen", true, i)
		if other.opacify(); other.skin.Mean() != 300 {
			t.Fatalf("abdomen %d: the body has changed", i)
		}
	}
	if diseased < n/4 || diseased > n*3/4 {
		t.Errorf("%d of %d chests are diseased, want about half", diseased, n)
	}
	if mean := share / float64(diseased); mean < .1 || mean > .8 {
		t.Errorf("disease fills %.2f of the air on average", mean)
	}
}

// Without a map of the air in the body there is nothing to fill.
func TestOpacifyWithoutAir(t *testing.T) {
	for i := range 20 {
		s := thickBody("chest", false, i)
		s.air = raster.Plane{}
		if s.opacify(); s.skin.Mean() != 300 {
			t.Fatal("the body has changed")
		}
	}
}

// A CT of the abdomen gets gas where the body is thick, one of the head or chest none.
func TestGasOfCT(t *testing.T) {
	some := map[string]int{}
	for i := range 40 {
		for _, part := range []string{"abdomen", "pelvis", "chest", "head"} {
			s := thickBody(part, true, i)
			thin := gasSide * gasSide / 2
			for k := range thin {
				s.skin.V[k] = 100
			}
			gas := s.gas()
			if gas.W == 0 {
				continue
			}
			if slices.Max(gas.V[:thin]) > 0 || slices.Min(gas.V) < 0 || slices.Max(gas.V) > 60 {
				t.Errorf("%s: up to %g mm of gas in 100 mm of body, %g to %g in 300", part, slices.Max(gas.V[:thin]), slices.Min(gas.V), slices.Max(gas.V))
			}
			if slices.Max(gas.V) > 0 {
				some[part]++
			}
		}
	}
	if some["abdomen"] < 8 || some["pelvis"] < 8 || some["chest"]+some["head"] > 0 {
		t.Errorf("pictures with gas, of 40: %v", some)
	}
}
