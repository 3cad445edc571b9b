package simulate

import (
	"testing"

	"dicomnode/internal/iod"
	"dicomnode/trainer/simulate/view"
)

// DX files say where every region is (PS3.3 C.8.11.2).
func TestRegionsHaveAnatomicRegion(t *testing.T) {
	for _, r := range view.Regions {
		term := bodyPart(r.Part)
		if _, _, known := iod.AnatomicRegion(term); !known || len(term) > 16 {
			t.Errorf("%s: body part %q is not known", r.Part, term)
		}
	}
}
