package view_test

import (
	"testing"

	"dicomnode/trainer/simulate/view"
)

// Names of trunk parts and limbs may contain each other, as "neck of femur" contains "femur".
func TestIsTrunk(t *testing.T) {
	trunk := map[string]bool{
		"hand": false, "finger": false, "wrist": false, "arm": false, "elbow": false, "foot": false, "ankle": false, "tibia": false,
		"leg": false, "knee": false, "femur": false, "thigh": false,
		"shoulder": true, "neck of femur": true, "pelvis": true, "head": true, "cervical": true, "lumbar spine": true, "chest": true, "thorax": true,
	}
	for _, r := range view.Regions {
		want, known := trunk[r.Part]
		if !known {
			t.Errorf("%s is in no table", r.Part)
		}
		if got := view.IsTrunk(r.Part); got != want {
			t.Errorf("%s is trunk: %v", r.Part, got)
		}
	}
	for _, part := range []string{"", "neck", "spine", "shoulder neck of femur"} {
		if view.IsTrunk(part) {
			t.Errorf("%q is trunk", part)
		}
	}
}
