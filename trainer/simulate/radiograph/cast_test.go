package radiograph

import (
	"math"
	"slices"
	"testing"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate/random"
)

// limbSheet returns an upright limb 0.4 as wide as the picture, which is 250 mm high. The limb
// is 40 mm thick and has a bone of 15 mm in its middle.
func limbSheet(i int) *Sheet { return limbOf(i, 160) }

// limbOf returns a limbSheet whose longer side has size pixels.
func limbOf(i, size int) *Sheet {
	s := newSheet(random.New(11, 2, i), size)
	s.skin, s.bone, s.marrow = raster.New(s.w, s.h), raster.New(s.w, s.h), raster.New(s.w, s.h)
	s.outside, s.unmapped, s.span = make([]bool, s.w*s.h), make([]bool, s.w*s.h), 250
	for k := range s.label {
		switch x := math.Abs(float64(k%s.w)/float64(s.w) - .5); {
		case x < .06:
			s.bone.V[k], s.skin.V[k] = 15, 40
		case x < .2:
			s.skin.V[k] = 40
		}
	}
	s.labelTissue()
	s.attenuate()
	return s
}

func TestCastIsSoftTissue(t *testing.T) {
	full := 0
	for i := range 30 {
		s := limbSheet(i)
		label, path := append([]uint8(nil), s.label...), s.path.Clone()
		s.wrap()
		onSkin, beside, behind := 0, 0, 0
		for k, l := range s.label {
			added := s.path.V[k] - path.V[k]
			switch {
			case added < -1e-5:
				t.Fatalf("cast %d: attenuation falls by %v", i, -added)
			case label[k] != dataset.OpenBeam && l != label[k]:
				t.Fatalf("cast %d: label %d inside the skin becomes %d", i, label[k], l)
			case l == dataset.SoftTissue && !s.body[k]:
				t.Fatalf("cast %d: soft tissue that is not body", i)
			case label[k] == dataset.OpenBeam && l == dataset.SoftTissue:
				beside++
			case label[k] == dataset.OpenBeam && l == dataset.OpenBeam && added > .5:
				behind++ // half of the soft edge of an end
			case label[k] != dataset.OpenBeam && added > .01:
				onSkin++
			}
		}
		if behind > 2*s.w {
			t.Errorf("cast %d: %d pixels of open beam behind the wall", i, behind)
		}
		if beside > s.h && onSkin > s.h {
			full++
		}
		if beside+onSkin == 0 {
			t.Errorf("cast %d: nothing drawn", i)
		}
	}
	if full < 20 {
		t.Errorf("%d of 30 casts stand beside the limb and veil it, want at least 20", full)
	}
}

// A wall is densest at its inner border, where the path of a ray through it is longest.
func TestCastIsDensestAtItsBorder(t *testing.T) {
	b := bandage{wall: 4, radius: 40, rim: 9}
	if out, rim, middle := b.chord(0), b.chord(4), b.chord(40); out != 0 || rim <= 3 || math.Abs(middle-1) > .05 {
		t.Errorf("chords at border, inner border and middle: %.2f %.2f %.2f, want 0, above 3, 1", out, rim, middle)
	}
	b.rim = 2
	if got := b.chord(4); got != 2 {
		t.Errorf("a rim limited to 2 is %.2f", got)
	}
}

func TestCastIsOnLimbsOnly(t *testing.T) {
	n := 0
	for i := range 400 {
		s := limbOf(i, 64)
		s.trunk = i%2 == 0
		before := s.path.Clone()
		s.cast()
		changed := false
		for k := range before.V {
			changed = changed || before.V[k] != s.path.V[k]
		}
		if changed && s.trunk {
			t.Fatal("a trunk in plaster")
		}
		if changed {
			n++
		}
	}
	if n < 12 || n > 40 {
		t.Errorf("%d of 200 limbs in plaster, want about 24", n)
	}
}

func TestSplintCoversItsSector(t *testing.T) {
	b := bandage{mid: 3, reach: 1}
	for angle, want := range map[float64]float64{3: 1, 3.9: 1, 4.2: 0, -2.5: 1, 0: 0, 1.8: 0} {
		if got := b.covers(angle); got != want {
			t.Errorf("at %.1f: %.2f, want %.0f", angle, got, want)
		}
	}
}

func TestPaddingInsideASeenWallIsKept(t *testing.T) {
	s := &Sheet{bandaged: []bool{true, true, true, false}}
	for _, c := range []struct{ shown, want []bool }{
		{[]bool{true, true, false, false}, []bool{true, true, true, false}},
		{[]bool{true, false, false, false}, []bool{true, false, false, false}},
	} {
		got := slices.Clone(c.shown)
		if s.keepPadding(got); !slices.Equal(got, c.want) {
			t.Errorf("%v becomes %v, want %v", c.shown, got, c.want)
		}
	}
}
