package radiograph

import (
	"slices"
	"testing"

	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate/radiograph/letters"
)

// added draws on sheets and returns how many pixels it shadowed. Visibly shadowed pixels must
// not be scored, and no pixel may change from one class to another.
func added(t *testing.T, name string, i int, draw func(*Sheet)) (n int) {
	t.Helper()
	s := limbSheet(i)
	label, path := slices.Clone(s.label), s.path.Clone()
	draw(s)
	for k, l := range s.label {
		q := s.path.V[k] - path.V[k]
		if q < 0 || q > 30 {
			t.Fatalf("%s %d: attenuation changes by %.2f", name, i, q)
		}
		if l != label[k] && l != dataset.Ignore {
			t.Fatalf("%s %d: class %d becomes %d", name, i, label[k], l)
		}
		if s.burn != nil && s.burn.cover.V[k] > 0 {
			n++
			if l != dataset.Ignore {
				t.Fatalf("%s %d: class %d under writing", name, i, l)
			}
		}
		if q > .5 {
			n++
			if l != dataset.Ignore {
				t.Fatalf("%s %d: class %d behind attenuation of %.2f", name, i, l, q)
			}
		}
	}
	return n
}

func TestMarkersAreIgnored(t *testing.T) {
	for name, draw := range map[string]func(*Sheet){
		"lead": (*Sheet).lead, "burned marker": (*Sheet).burnMarker, "lines": (*Sheet).burnLines,
		"identification": (*Sheet).identification, "ruler": (*Sheet).ruler, "sandbag": (*Sheet).sandbag, "hand": (*Sheet).hand,
	} {
		n := 0
		for i := range 12 {
			n += added(t, name, i, draw)
		}
		if n < 100 {
			t.Errorf("%s: %d pixels in 12 pictures", name, n)
		}
	}
}

func TestJewelleryIsIgnored(t *testing.T) {
	for k, w := range worn {
		n := 0
		for i := range 12 {
			n += added(t, "worn", 100*k+i, func(s *Sheet) { w.draw(s, newDrawing(s.w, s.h)) })
		}
		if n < 20 {
			t.Errorf("thing %d: %d pixels in 12 pictures", k, n)
		}
	}
}

// Foam is barely visible and hides nothing.
func TestSpongeChangesNoLabel(t *testing.T) {
	drawn := 0
	for i := range 10 {
		s := limbSheet(i)
		label, path := slices.Clone(s.label), s.path.Clone()
		s.sponge()
		if !slices.Equal(label, s.label) {
			t.Fatal("foam changes the label")
		}
		for k, p := range s.path.V {
			if p-path.V[k] > .07 {
				t.Fatalf("foam attenuates by %.2f", p-path.V[k])
			}
			if p > path.V[k] {
				drawn++
			}
		}
	}
	if drawn < 1000 {
		t.Errorf("%d pixels of foam", drawn)
	}
}

func TestWriteFitsItsHeight(t *testing.T) {
	for face := range letters.Typefaces() {
		for _, height := range []float64{6, 20, 60} {
			p := letters.Write("L", face, height)
			if got := float64(p.H - 2); got < .8*height || got > 1.25*height+1.5 {
				t.Errorf("typeface %d: a capital of %.0f is %.0f high", face, height, got)
			}
			if lo, hi := p.Bounds(); lo != 0 || hi < .7 {
				t.Errorf("typeface %d: coverage %.2f…%.2f", face, lo, hi)
			}
		}
	}
}

func TestStampAtKeepsItsArea(t *testing.T) {
	s := limbSheet(1)
	stamp := disc(21)
	for _, turn := range []float64{0, .5, 2} {
		if got, want := s.stampAt(stamp, 50, 60, turn, true).Mean()*float32(len(s.label)), stamp.Mean()*21*21; abs32(got-want) > .02*want {
			t.Errorf("turned %.1f: area %.1f, want %.1f", turn, got, want)
		}
	}
}
