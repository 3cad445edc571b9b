package field

import "dicomnode/internal/raster"

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
	sides := hullBorders(raster.Hull(p))
	for i := range sides {
		sides[i] = sides[i].shifted(-0.1)
	}
	out := make([]bool, len(m))
	for r := range rows {
		first, last := rowSpan(sides, float64(r), 1, cols)
		for k := first; k < last; k++ {
			out[r*cols+k] = true
		}
	}
	return out
}
