package classical_test

import (
	"math"
	"math/rand/v2"

	"dicomnode/trainer/compare/classical"
)

// limb draws a limb with one bone, side×side: the soft tissue is dark by its
// thickness, the bone's wall darker and its marrow paler. turned lays it along the
// rows; shade darkens it towards one end; the noise is seeded.
func limb(side int, turned bool, shade, noise float64) (p classical.Picture, truth []uint8) {
	r := rand.New(rand.NewPCG(11, 0))
	p = classical.Picture{Height: side, Width: side, V: make([]float64, side*side)}
	truth = make([]uint8, side*side)
	flesh, shaft, cavity := 0.32*float64(side), 0.11*float64(side), 0.05*float64(side)
	for i := range p.V {
		along, across := float64(i/side), math.Abs(float64(i%side)-float64(side)/2+0.5)
		if turned {
			along, across = float64(i%side), math.Abs(float64(i/side)-float64(side)/2+0.5)
		}
		thick := chord(across, shaft) - 0.4*chord(across, cavity)
		depth := 0.2*chord(across, flesh) + 0.15*thick
		if across < flesh {
			depth += 0.12 + shade*along/float64(side)
			truth[i] = 1
		}
		if across < shaft {
			depth += 0.1
			truth[i] = 2
		}
		p.V[i] = min(max(1-depth+noise*r.NormFloat64(), 0), 1)
	}
	return p, truth
}

// chord is the part of a cylinder's diameter that a ray at distance d crosses.
func chord(d, radius float64) float64 {
	if d >= radius {
		return 0
	}
	return math.Sqrt(1 - d*d/(radius*radius))
}

// hit is the share of pixels labelled k that are called k.
func hit(got, truth []uint8, k uint8) float64 {
	var n, all float64
	for i, v := range truth {
		if v == k {
			all++
			if got[i] == k {
				n++
			}
		}
	}
	return n / all
}

func correct(got, truth []uint8) float64 {
	n := 0.0
	for i, v := range truth {
		if got[i] == v {
			n++
		}
	}
	return n / float64(len(truth))
}
