package pipeline

import "slices"

// hullOf marks the convex hull of a mask of so many columns: the field of a picture whose
// labels reach to its limits.
func hullOf(m []bool, cols int) []bool {
	rows := len(m) / cols
	var left, right [][2]int // column and row of the hull's corners, downwards
	for r := range rows {
		line := m[r*cols:][:cols]
		first := slices.Index(line, true)
		if first < 0 {
			continue
		}
		last := cols - 1
		for !line[last] {
			last--
		}
		left, right = corner(left, [2]int{first, r}, -1), corner(right, [2]int{last, r}, 1)
	}
	out := make([]bool, len(m))
	for r := range rows {
		a, in := columnAt(left, r)
		b, _ := columnAt(right, r)
		for k := range cols {
			out[r*cols+k] = in && float64(k) >= a-.1 && float64(k) <= b+.1
		}
	}
	return out
}

// corner adds the next point downwards to a side of a hull: the left one for −1, the
// right one for 1.
func corner(hull [][2]int, p [2]int, side int) [][2]int {
	for len(hull) >= 2 {
		a, b := hull[len(hull)-2], hull[len(hull)-1]
		if turn := (b[0]-a[0])*(p[1]-a[1]) - (b[1]-a[1])*(p[0]-a[0]); turn*side > 0 {
			break
		}
		hull = hull[:len(hull)-1]
	}
	return append(hull, p)
}

// columnAt is where a side of a hull is in a row; in is false above and below it.
func columnAt(hull [][2]int, row int) (column float64, in bool) {
	for i, p := range hull {
		if p[1] == row {
			return float64(p[0]), true
		}
		if i > 0 && hull[i-1][1] < row && row < p[1] {
			t := float64(row-hull[i-1][1]) / float64(p[1]-hull[i-1][1])
			return float64(hull[i-1][0]) + t*float64(p[0]-hull[i-1][0]), true
		}
	}
	return 0, false
}
