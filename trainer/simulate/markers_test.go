package simulate

import (
	"slices"
	"testing"
)

// added draws on sheets and returns how many pixels it shadowed; where it does so visibly, the label must be
// ignored, and nowhere may one class become another.
func added(t *testing.T, name string, i int, draw func(*sheet)) (n int) {
	t.Helper()
	s := limbSheet(i)
	label, path := slices.Clone(s.label), s.path.clone()
	draw(s)
	for k, l := range s.label {
		q := s.path.v[k] - path.v[k]
		if q < 0 || q > 30 {
			t.Fatalf("%s %d: attenuation changes by %.2f", name, i, q)
		}
		if l != label[k] && l != labelIgnore {
			t.Fatalf("%s %d: class %d becomes %d", name, i, label[k], l)
		}
		if s.burn != nil && s.burn.cover.v[k] > 0 {
			n++
			if l != labelIgnore {
				t.Fatalf("%s %d: class %d under writing", name, i, l)
			}
		}
		if q > .5 {
			n++
			if l != labelIgnore {
				t.Fatalf("%s %d: class %d behind attenuation of %.2f", name, i, l, q)
			}
		}
	}
	return n
}

func TestMarkersAreIgnored(t *testing.T) {
	for name, draw := range map[string]func(*sheet){
		"lead": (*sheet).lead, "burned marker": (*sheet).burnMarker, "lines": (*sheet).burnLines,
		"identification": (*sheet).identification, "ruler": (*sheet).ruler, "sandbag": (*sheet).sandbag, "hand": (*sheet).hand,
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
			n += added(t, "worn", 100*k+i, func(s *sheet) { w.draw(s, newDrawing(s.w, s.h)) })
		}
		if n < 20 {
			t.Errorf("thing %d: %d pixels in 12 pictures", k, n)
		}
	}
}

// Foam is seen, hardly, and hides nothing.
func TestSpongeChangesNoLabel(t *testing.T) {
	drawn := 0
	for i := range 10 {
		s := limbSheet(i)
		label, path := slices.Clone(s.label), s.path.clone()
		s.sponge()
		if !slices.Equal(label, s.label) {
			t.Fatal("foam changes the label")
		}
		for k, p := range s.path.v {
			if p-path.v[k] > .07 {
				t.Fatalf("foam attenuates by %.2f", p-path.v[k])
			}
			if p > path.v[k] {
				drawn++
			}
		}
	}
	if drawn < 1000 {
		t.Errorf("%d pixels of foam", drawn)
	}
}

func TestWriteFitsItsHeight(t *testing.T) {
	for face := range typefaces() {
		for _, height := range []float64{6, 20, 60} {
			p := write("L", face, height)
			if got := float64(p.h - 2); got < .8*height || got > 1.25*height+1.5 {
				t.Errorf("typeface %d: a capital of %.0f is %.0f high", face, height, got)
			}
			if lo, hi := p.bounds(); lo != 0 || hi < .7 {
				t.Errorf("typeface %d: coverage %.2f…%.2f", face, lo, hi)
			}
		}
	}
}

func TestStampAtKeepsItsArea(t *testing.T) {
	s := limbSheet(1)
	stamp := disc(21)
	for _, turn := range []float64{0, .5, 2} {
		if got, want := s.stampAt(stamp, 50, 60, turn, true).mean()*float32(len(s.label)), stamp.mean()*21*21; abs32(got-want) > .02*want {
			t.Errorf("turned %.1f: area %.1f, want %.1f", turn, got, want)
		}
	}
}
