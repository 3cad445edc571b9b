package radiograph

import (
	"testing"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/space"
	"dicomnode/trainer/simulate/view"
)

// A picture of the trunk is kept if bone differs from the tissue nearby, by more than the noise, along
// most of its border.
func TestLegible(t *testing.T) {
	const side = 200
	for name, c := range map[string]struct {
		contrast, noise float64
		slope           float32 // of the whole body, which is no contrast
		hidden          float64 // share of the bone without contrast
		bone            uint8
		want            bool
	}{
		"a vertebra":       {.1, .02, 0, 0, dataset.Bone, true},
		"flat":             {.01, .001, 0, 0, dataset.Bone, false},
		"noisy":            {.1, .3, 0, 0, dataset.Bone, false},
		"brighter bone":    {-.1, .001, 0, 0, dataset.Bone, false},
		"thickness alone":  {0, .001, .9, 0, dataset.Bone, false},
		"a third of a rib": {.3, .02, 0, .67, dataset.Bone, false},
		"most of a rib":    {.1, .02, 0, .2, dataset.Bone, true},
		"no bone at all":   {0, .3, 0, 0, dataset.SoftTissue, true},
	} {
		d := random.New(1, 2, 3)
		s := &Sheet{w: side, h: side, unit: 1, pic: raster.New(side, side), label: make([]uint8, side*side)}
		for i := range s.label {
			x, y := i%side, i/side
			s.label[i], s.pic.V[i] = dataset.SoftTissue, .5+c.slope*float32(y)/side+float32(d.Gauss(0, c.noise))
			if x > 80 && x < 120 {
				s.label[i] = c.bone
				if float64(y) >= c.hidden*side {
					s.pic.V[i] -= float32(c.contrast)
				}
			}
		}
		s.pic.V[0], s.pic.V[1] = 0, 1 // the range
		if got := s.legible(); got != c.want {
			t.Errorf("%s: %v; nearby %+v, at the border %+v, roughness %.3f", name, got, s.contrast(nearby), s.contrast(atBorder), s.roughness())
		}
	}
}

// Of a view that never shows its bone, the draft with most visible borders is kept.
func TestBestDraft(t *testing.T) {
	const n, size = view.MapSize, 64
	blank := func() raster.Plane { return raster.New(n, n) }
	v := view.View{Part: "lumbar spine", Camera: space.Camera{Distance: 1000, Pixel: 1}, Pixel: 1, Skin: blank(), Bone: blank(), Marrow: blank(), Air: blank(), Outside: blank()}
	for i := range v.Skin.V {
		v.Skin.V[i] = 400
		if x := i % n; x > 100 && x < 180 {
			v.Skin.V[i], v.Bone.V[i], v.Marrow.V[i] = 330, 60, 53
		}
	}
	dice := func() random.Dice { return random.New(1, 2, 3) }
	most, d := 0., dice()
	for range 1 + mostDrafts {
		s := draft(v, d, size)
		if s.shows() {
			t.Fatal("a draft shows bone where the body is so thin that it is brighter than the rest")
		}
		most = max(most, s.contrast(atBorder).visible)
	}
	if got := New(v, dice(), size).contrast(atBorder).visible; got != most {
		t.Errorf("%.3f of the borders show in the draft that is kept, %.3f in the best one", got, most)
	}
}
