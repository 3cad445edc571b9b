package radiograph

import (
	"bytes"
	"slices"
	"testing"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate/body"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/view"
)

// A pixel is bone where the ray crosses enough of it, and enough mineral for what else it crosses.
func TestTissuesOfOneRay(t *testing.T) {
	for _, c := range []struct {
		skin, bone, mineral float32 // mm
		want                uint8
	}{
		{0, 0, 0, dataset.OpenBeam}, {.8, 0, 0, dataset.OpenBeam}, {1, 0, 0, dataset.SoftTissue}, {30, .6, .6, dataset.SoftTissue},
		{30, .8, .8, dataset.Bone}, {.8, .8, .8, dataset.Bone}, // a phalanx; a bare bone
		{220, 8, 1.5, dataset.SoftTissue}, {220, 35, 5, dataset.Bone}, // abdomen: a rib, a vertebra
		{70, 8, 1.7, dataset.Bone}, {200, 8, 1.7, dataset.SoftTissue}, // a rib before lung, and before the heart
		{120, 20, 4, dataset.Bone}, // the border of a condyle
	} {
		if got := Tissues("foot", 1, 1, func(int) Ray { return Ray{c.skin, c.bone, c.mineral} })[0]; got != c.want {
			t.Errorf("%g mm of body with %g mm of bone and %g mm of mineral: label %d, want %d", c.skin, c.bone, c.mineral, got, c.want)
		}
	}
}

// Bone with little mineral is bone inside a ring of more of it, with a small gap too, and soft
// tissue elsewhere; thinner bone only inside a closed ring. In a chest the gap must be smaller.
func TestFaintBoneInsideBone(t *testing.T) {
	rays := map[byte]Ray{'.': {}, 's': {Skin: 200}, 'f': {200, 8, 1.5}, 't': {200, 2, 1}, 'B': {200, 12, 4}}
	const picture, pelvis, chest = "" +
		"ssssssssssss" +
		"sBBBBBBssfsf" +
		"sBffffBBBssf" +
		"sBfBBffsBBBB" +
		"sBttBBtsBttB" +
		"sBBBBBBsBtsB" +
		"ssssssssBBBB" +
		"sBBBssssssss" +
		"sBfBssssssss" +
		"ssssssssssss", "" +
		"111111111111" +
		"122222211111" +
		"122222222111" +
		"122222212222" +
		"122222112112" +
		"122222212112" +
		"111111112222" +
		"122211111111" +
		"122211111111" +
		"111111111111", "" +
		"111111111111" +
		"122222211111" +
		"122222222111" +
		"122222212222" +
		"122222112112" +
		"122222212112" +
		"111111112222" +
		"122211111111" +
		"121211111111" +
		"111111111111"
	for part, want := range map[string]string{"pelvis": pelvis, "chest": chest} {
		got := Tissues(part, 12, 10, func(i int) Ray { return rays[picture[i]] })
		for i, l := range got {
			if l != want[i]-'0' {
				t.Errorf("%s, row %d, column %d: label %d, want %c", part, i/12, i%12, l, want[i])
			}
		}
	}
}

// Trabeculae that are not compact bone yet count as mineral; those of a CT are.
func TestMineralOfRay(t *testing.T) {
	for _, c := range []struct{ bone, marrow, trabeculae, want float32 }{{10, 8, 0, 2}, {10, 8, .25, 4}, {10, 12, 0, 0}} {
		if r := NewRay(100, c.bone, c.marrow, c.trabeculae); r.Mineral != c.want {
			t.Errorf("%+v: %g mm of mineral", c, r.Mineral)
		}
	}
}

// With any objects around, on and in the patient, a label is a class or not scored, and the
// same dice give the same picture.
func TestSampleLabelsAndRepeats(t *testing.T) {
	v := body.Phantom().View(random.New(3, 1, 0), view.MapSize)
	for i := range 40 {
		s := New(v, random.New(3, 2, i), 96)
		for _, l := range s.label {
			if l > dataset.Bone && l != dataset.Ignore {
				t.Fatalf("sample %d: label %d", i, l)
			}
		}
		for _, x := range s.pic.V {
			if x != x || x > 1e6 || x < -1e6 {
				t.Fatalf("sample %d: pixel %v", i, x)
			}
		}
		if i%8 == 0 {
			again := New(v, random.New(3, 2, i), 96)
			if !bytes.Equal(again.label, s.label) || again.pic.V[again.w*again.h/2] != s.pic.V[s.w*s.h/2] {
				t.Fatalf("sample %d differs when made again", i)
			}
		}
	}
}

// The bone of a CT gets borders and mineral, and no more mineral than bone; a surface model's, and a
// limb's, stays as it is.
func TestMineralise(t *testing.T) {
	const side = 100
	for name, c := range map[string]struct{ scanned, trunk bool }{"chest": {true, true}, "foot": {true, false}, "surface model": {false, true}} {
		s := &Sheet{d: random.New(1, 2, 3), w: side, h: side, unit: 1, scanned: c.scanned, trunk: c.trunk, Placed: Placement{Mm: 1}}
		s.bone = raster.New(side, side)
		for i := range s.bone.V {
			if x := i % side; x >= 40 && x < 60 {
				s.bone.V[i] = 10
			}
		}
		s.marrow = s.bone.Clone().Each(func(b float32) float32 { return .8 * b })
		before := s.marrow.Clone()
		s.mineralise()
		mineral := func(x int) float32 { i := 50*side + x; return s.bone.V[i] - s.marrow.V[i] }
		for i, m := range s.marrow.V {
			if m < 0 || m > s.bone.V[i] {
				t.Fatalf("%s: %g mm of marrow in %g mm of bone", name, m, s.bone.V[i])
			}
		}
		if c.scanned && c.trunk {
			if mineral(40) <= mineral(50)*1.1 || mineral(50) < 2 || mineral(20) != 0 {
				t.Errorf("%s: mineral at the border %g, inside %g, outside %g; want 2 or more inside, more at the border, none outside", name, mineral(40), mineral(50), mineral(20))
			}
		} else if !slices.Equal(s.marrow.V, before.V) {
			t.Errorf("%s: the marrow has changed", name)
		}
	}
}
