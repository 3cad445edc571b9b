package body

import (
	"math"
	"sync"

	"dicomnode/trainer/simulate/space"
)

// Phantom is a built-in body of two straight legs (thigh, knee, shank) made of tubes. It is
// sufficient to demonstrate and test the simulation without anatomical data. It is made once.
func Phantom() *Body { return phantom() }

var phantom = sync.OnceValue(newPhantom)

func newPhantom() *Body {
	b := &Body{pivots: map[string]space.Vec{}}
	for _, side := range []string{"left", "right"} {
		x := 90.0
		if side == "right" {
			x = -90
		}
		skin := space.Tube(space.Vec{x, 0, 0}, space.Vec{x, 0, 880}, 89, 32, func(t float64) float64 { return 42 + 34*t + 9*math.Sin(9*t) })
		base := int32(len(b.skin.Points))
		b.skin.Points = append(b.skin.Points, skin.Points...)
		for _, f := range skin.Faces {
			b.skin.Faces = append(b.skin.Faces, [3]int32{f[0] + base, f[1] + base, f[2] + base})
		}
		lateral := x / 90 * 24
		b.bones = append(b.bones,
			bone{side: side, segment: "tibia", Mesh: space.Tube(space.Vec{x, 0, 20}, space.Vec{x, 0, 400}, 40, 20, shaft(11, 30))},
			bone{side: side, segment: "fibula", Mesh: space.Tube(space.Vec{x + lateral, 14, 10}, space.Vec{x + lateral, 14, 380}, 40, 14, shaft(5, 9))},
			bone{side: side, segment: "femur", Mesh: space.Tube(space.Vec{x, 0, 405}, space.Vec{x, 0, 850}, 40, 20, shaft(13, 32))})
	}
	b.prepare()
	return b
}

// shaft returns the radius along a long bone: middle in the shaft, end at both ends.
func shaft(middle, end float64) func(float64) float64 {
	return func(t float64) float64 {
		e := math.Abs(2*t - 1)
		return middle + (end-middle)*math.Pow(e, 6)
	}
}
