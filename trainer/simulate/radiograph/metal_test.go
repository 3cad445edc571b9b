package radiograph

import (
	"math"
	"slices"
	"testing"

	"dicomnode/trainer/dataset"
)

func TestMetalIsBone(t *testing.T) {
	for k, kind := range implants {
		drawn := 0
		for i := range 12 {
			s := limbSheet(100*k + i)
			label, path := slices.Clone(s.label), s.path.Clone()
			m := s.metalwork()
			f := m.longest([]int{s.h/2*s.w + s.w/2})
			kind.draw(m, f)
			m.finish()
			for j, steel := range s.steel {
				added := s.path.V[j] - path.V[j]
				switch {
				case steel && (s.label[j] != dataset.Bone || added <= 0):
					t.Fatalf("implant %d: metal has label %d and attenuation %.2f", k, s.label[j], added)
				case !steel && s.label[j] != label[j]:
					t.Fatalf("implant %d: no metal, but label %d becomes %d", k, label[j], s.label[j])
				case added < 0 || added > 9.001:
					t.Fatalf("implant %d: attenuation changes by %.2f", k, added)
				case steel:
					drawn++
				}
			}
		}
		if drawn < 60 {
			t.Errorf("implant %d: %d pixels in 12 pictures", k, drawn)
		}
	}
}

func TestMetalIsInATenth(t *testing.T) {
	n := 0
	for i := range 300 {
		s := limbOf(i, 100)
		if s.metal(); s.steel != nil {
			n++
		}
	}
	if n < 18 || n > 48 {
		t.Errorf("%d of 300 with metal, want about 33", n)
	}
}

func TestDiaphysisFollowsTheBone(t *testing.T) {
	s := limbSheet(1)
	f := s.diaphysisAt(s.metalwork().bone, s.h/3*s.w+s.w/2)
	if f.length() < .9*float64(s.h) {
		t.Errorf("%.0f of %d pixels followed", f.length(), s.h)
	}
	for _, p := range []float64{0, .3, 1} {
		x, y := f.at(p, 0)
		if math.Abs(x-float64(s.w)/2) > 2 || y < -1 || y > float64(s.h) {
			t.Errorf("at %.1f: (%.1f, %.1f) is not the middle", p, x, y)
		}
		if e := math.Abs(math.Sin(f.turn(p))); e < .99 {
			t.Errorf("at %.1f: an upright bone leans, |sin| %.3f", p, e)
		}
	}
	if w := f.width() / float64(s.w); math.Abs(w-.06) > .015 {
		t.Errorf("half width %.3f of the picture, want 0.06", w)
	}
}

func TestParabola(t *testing.T) {
	var v []float64
	for k := range 201 {
		x := float64(k)/100 - 1
		v = append(v, 3-2*x+.5*x*x)
	}
	for j, want := range [3]float64{3, -2, .5} {
		if got := parabola(v)[j]; math.Abs(got-want) > 1e-9 {
			t.Errorf("coefficient %d is %.3f, want %.1f", j, got, want)
		}
	}
}
