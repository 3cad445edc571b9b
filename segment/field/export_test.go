package field

import (
	"math"

	"dicomnode/internal/raster"
)

// HullOf marks the pixels of the convex hull of a mask.
func HullOf(m []bool, rows, cols int) []bool {
	var p []raster.Point
	for r := range rows {
		first, last := -1, -1
		for k, in := range m[r*cols : (r+1)*cols] {
			if in && first < 0 {
				first = k
			}
			if in {
				last = k
			}
		}
		if first >= 0 {
			p = append(p, raster.Point{X: float64(first), Y: float64(r)}, raster.Point{X: float64(last), Y: float64(r)})
		}
	}
	hull := raster.Hull(p)
	out := make([]bool, len(m))
	for i := range out {
		out[i] = within(hull, float64(i%cols), float64(i/cols), 0.1)
	}
	return out
}

// within reports whether (x, y) lies in the hull or within margin of it.
func within(hull []raster.Point, x, y, margin float64) bool {
	for i, a := range hull {
		b := hull[(i+1)%len(hull)]
		if raster.Cross(a, b, raster.Point{X: x, Y: y}) < -margin*math.Hypot(b.X-a.X, b.Y-a.Y) {
			return false
		}
	}
	return true
}
