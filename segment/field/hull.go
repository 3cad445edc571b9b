package field

import (
	"math"
	"slices"
)

type point struct{ x, y float64 }

func cross(o, a, b point) float64 { return (a.x-o.x)*(b.y-o.y) - (a.y-o.y)*(b.x-o.x) }

// convexHull is Andrew's monotone chain, counter-clockwise; nil of no points.
func convexHull(p []point) []point {
	if len(p) == 0 {
		return nil
	}
	slices.SortFunc(p, func(a, b point) int {
		if a.x != b.x {
			return int(math.Copysign(1, a.x-b.x))
		}
		return int(a.y - b.y)
	})
	var hull []point
	for pass := range 2 {
		base := len(hull)
		for _, q := range p {
			for len(hull) >= base+2 && cross(hull[len(hull)-2], hull[len(hull)-1], q) <= 0 {
				hull = hull[:len(hull)-1]
			}
			hull = append(hull, q)
		}
		hull = hull[:len(hull)-1]
		if pass == 0 {
			slices.Reverse(p)
		}
	}
	return hull
}
