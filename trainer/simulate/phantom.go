package simulate

import (
	"math"
	"sync"
)

// Phantom is a built-in body of two straight legs (thigh, knee, shank) made of tubes: enough to
// demonstrate and test the whole chain without anatomical data. It is made once.
func Phantom() *Body { return phantom() }

var phantom = sync.OnceValue(newPhantom)

func newPhantom() *Body {
	b := &Body{pivots: map[string]vec{}}
	for _, side := range []string{"left", "right"} {
		x := 90.0
		if side == "right" {
			x = -90
		}
		skin := tube(vec{x, 0, 0}, vec{x, 0, 880}, 89, 32, func(t float64) float64 { return 42 + 34*t + 9*math.Sin(9*t) })
		base := int32(len(b.skin.p))
		b.skin.p = append(b.skin.p, skin.p...)
		for _, f := range skin.f {
			b.skin.f = append(b.skin.f, [3]int32{f[0] + base, f[1] + base, f[2] + base})
		}
		lateral := x / 90 * 24
		b.bones = append(b.bones,
			bone{side: side, segment: "tibia", mesh: tube(vec{x, 0, 20}, vec{x, 0, 400}, 40, 20, shaft(11, 30))},
			bone{side: side, segment: "fibula", mesh: tube(vec{x + lateral, 14, 10}, vec{x + lateral, 14, 380}, 40, 14, shaft(5, 9))},
			bone{side: side, segment: "femur", mesh: tube(vec{x, 0, 405}, vec{x, 0, 850}, 40, 20, shaft(13, 32))})
	}
	b.prepare()
	return b
}

// shaft is the radius of a long bone: middle in the shaft, end at both ends.
func shaft(middle, end float64) func(float64) float64 {
	return func(t float64) float64 {
		e := math.Abs(2*t - 1)
		return middle + (end-middle)*math.Pow(e, 6)
	}
}

// tube is a closed surface around the segment a–b: rings of lons points whose radius depends on the place
// t = 0..1 along it, closed by flat ends.
func tube(a, b vec, rings, lons int, radius func(t float64) float64) mesh {
	m := globe(rings, lons)
	along := b.sub(a).unit()
	e1 := along.cross(vec{.3, 1, .2}).unit()
	e2 := along.cross(e1)
	m.p[0], m.p[1] = a, b
	for i := range rings {
		t := float64(i) / float64(rings-1)
		for j := range lons {
			s, c := math.Sincos(2 * math.Pi * float64(j) / float64(lons))
			m.p[2+i*lons+j] = a.lerp(b, t).add(e1.mul(c).add(e2.mul(s)).mul(radius(t)))
		}
	}
	return m.outward()
}
