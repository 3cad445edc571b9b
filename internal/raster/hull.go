package raster

import (
	"math"
	"slices"
)

// Point is a place in a picture: column X, row Y.
type Point struct{ X, Y float64 }

// Cross is twice the area of the triangle o, a, b; positive where b lies to the left of the
// way from o to a, y upwards.
func Cross(o, a, b Point) float64 { return (a.X-o.X)*(b.Y-o.Y) - (a.Y-o.Y)*(b.X-o.X) }

// Hull is Andrew's monotone chain, counter-clockwise; nil of no points. It sorts p.
func Hull(p []Point) []Point {
	if len(p) == 0 {
		return nil
	}
	slices.SortFunc(p, func(a, b Point) int {
		if a.X != b.X {
			return int(math.Copysign(1, a.X-b.X))
		}
		return int(a.Y - b.Y)
	})
	var hull []Point
	for pass := range 2 {
		base := len(hull)
		for _, q := range p {
			for len(hull) >= base+2 && Cross(hull[len(hull)-2], hull[len(hull)-1], q) <= 0 {
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
