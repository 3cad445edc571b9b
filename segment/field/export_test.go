package field

import "math"

// HullOf marks the pixels of the convex hull of a mask.
func HullOf(m []bool, rows, cols int) []bool {
	var p []point
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
			p = append(p, point{float64(first), float64(r)}, point{float64(last), float64(r)})
		}
	}
	hull := convexHull(p)
	out := make([]bool, len(m))
	for i := range out {
		out[i] = within(hull, float64(i%cols), float64(i/cols), 0.1)
	}
	return out
}

// within reports whether (x, y) lies in the hull or within margin of it.
func within(hull []point, x, y, margin float64) bool {
	for i, a := range hull {
		b := hull[(i+1)%len(hull)]
		if cross(a, b, point{x, y}) < -margin*math.Hypot(b.x-a.x, b.y-a.y) {
			return false
		}
	}
	return true
}
