package simulate

import (
	"testing"

	"dicomnode/internal/iod"
)

// DX files say where every region is (PS3.3 C.8.11.2).
func TestRegionsHaveAnatomicRegion(t *testing.T) {
	for _, r := range regions {
		term := bodyPart(r.part)
		if _, _, known := iod.AnatomicRegion(term); !known || len(term) > 16 {
			t.Errorf("%s: body part %q is not known", r.part, term)
		}
	}
}
