package radiograph

import (
	"testing"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate/random"
)

// A picture of the trunk is kept if bone differs from the tissue nearby, by more than the noise.
func TestLegible(t *testing.T) {
	const side = 200
	for name, c := range map[string]struct {
		contrast, noise float64
		slope           float32 // of the whole body, which is no contrast
		bone            uint8
		want            bool
	}{
		"a vertebra":      {.1, .02, 0, dataset.Bone, true},
		"flat":            {.01, .001, 0, dataset.Bone, false},
		"noisy":           {.1, .3, 0, dataset.Bone, false},
		"brighter bone":   {-.1, .001, 0, dataset.Bone, false},
		"thickness alone": {0, .001, .9, dataset.Bone, false},
		"no bone at all":  {0, .3, 0, dataset.SoftTissue, true},
	} {
		d := random.New(1, 2, 3)
		s := &Sheet{w: side, h: side, unit: 1, pic: raster.New(side, side), label: make([]uint8, side*side)}
		for i := range s.label {
			x, y := i%side, i/side
			s.label[i], s.pic.V[i] = dataset.SoftTissue, .5+c.slope*float32(y)/side+float32(d.Gauss(0, c.noise))
			if x > 80 && x < 120 {
				s.label[i] = c.bone
				s.pic.V[i] -= float32(c.contrast)
			}
		}
		s.pic.V[0], s.pic.V[1] = 0, 1 // the range
		if got := s.legible(); got != c.want {
			contrast, n := s.localContrast()
			t.Errorf("%s: %v; contrast %.3f at %d pixels, roughness %.3f", name, got, contrast, n, s.roughness())
		}
	}
}
