package view_test

import (
	"math"
	"testing"

	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/space"
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

// Trunk and head are viewed upright and mostly from the front, limbs from all sides.
func TestProjections(t *testing.T) {
	front, e1, e2, axis := 0, space.Vec{0, -1, 0}, space.Vec{1, 0, 0}, space.Vec{0, 0, 1}
	const views = 2000
	for i := range views {
		_, up, dir := view.ProjectionsOf("chest").Aimed(random.New(1, 0, i), e1, e2, axis)
		if math.Abs(up.Dot(dir)) > 1e-9 {
			t.Fatalf("up %v and direction %v are not orthogonal", up, dir)
		}
		if math.Abs(dir.Dot(e1)) > math.Cos(35*math.Pi/180) {
			front++
		}
	}
	if share := float64(front) / views; share < .65 || share > .75 {
		t.Errorf("%.2f of chests are seen from front or back", share)
	}
	if view.ProjectionsOf("hand") == view.ProjectionsOf("chest") {
		t.Error("hands are viewed like chests")
	}
}

// A pelvis is never viewed from a side, a hand and a chest are.
func TestNoLateralPelvis(t *testing.T) {
	e1, e2, axis := space.Vec{0, -1, 0}, space.Vec{1, 0, 0}, space.Vec{0, 0, 1}
	for part, want := range map[string]bool{"pelvis": false, "abdomen": false, "neck of femur": false, "chest": true, "lumbar spine": true, "hand": true} {
		lateral := false
		for i := range 500 {
			_, _, dir := view.ProjectionsOf(part).Aimed(random.New(1, 0, i), e1, e2, axis)
			lateral = lateral || math.Abs(dir.Dot(e2)) > math.Cos(10*math.Pi/180)
		}
		if lateral != want {
			t.Errorf("%s from a side: %v", part, lateral)
		}
	}
}
