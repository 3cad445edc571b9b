package segment

import (
	"math"
	"testing"

	"dicomnode/segment/picture"
)

// A hole in the body is as bright as the air in a radiograph, and darker in a slice of a skull.
func TestDeepestHole(t *testing.T) {
	const n = 30
	for name, c := range map[string]struct {
		radius, grey, want float64 // of the hole
		fills              bool    // the body reaches the frame all around
		shielded           bool    // the frame is not exposed
	}{
		"a ring":             {4, 1, 0, false, false},
		"a slice":            {4, 0.25, 0.75, false, false},
		"four pixels":        {0.8, 0, 0, false, false},
		"uneven air":         {4, 0.9, 0.1, false, false},
		"no air, no compare": {4, 0.25, 0, true, false},
		"a collimated field": {4, 0.25, 0, false, true},
	} {
		x, label, exposed := make([]float32, n*n), make([]uint8, n*n), make([]float32, n*n)
		for i := range x {
			r := math.Hypot(float64(i%n)-14.5, float64(i/n)-14.5)
			if r < 12 || !c.shielded {
				exposed[i] = 1
			}
			switch {
			case r < c.radius:
				x[i], label[i] = float32(c.grey), picture.OpenBeam
			case r < 12 || c.fills:
				label[i] = picture.Bone
			default:
				x[i], label[i] = 1, picture.OpenBeam
			}
		}
		if got := deepest(x, label, n, exposed); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s: %g, want %g", name, got, c.want)
		}
	}
}
