package classical

import (
	"cmp"
	"slices"
)

// components lists the pixels of each 4-connected component; same reports whether
// two neighbours belong together.
func components(h, w int, same func(i, j int) bool) [][]int {
	var out [][]int
	seen := make([]bool, h*w)
	for i := range seen {
		if seen[i] {
			continue
		}
		seen[i] = true
		part := []int{i}
		for k := 0; k < len(part); k++ {
			neighbours(part[k], h, w, func(j int) {
				if !seen[j] && same(part[k], j) {
					seen[j] = true
					part = append(part, j)
				}
			})
		}
		out = append(out, part)
	}
	return out
}

// removeIslands gives components below least pixels to the class most frequent
// along their rim, the smallest first.
func removeIslands(classes []uint8, h, w, least int) {
	parts := components(h, w, func(i, j int) bool { return classes[i] == classes[j] })
	slices.SortStableFunc(parts, func(a, b []int) int { return cmp.Compare(len(a), len(b)) })
	for _, part := range parts {
		if len(part) >= least {
			return
		}
		var rim [3]int
		own := classes[part[0]]
		for _, i := range part {
			neighbours(i, h, w, func(j int) {
				if classes[j] != own {
					rim[classes[j]]++
				}
			})
		}
		best := own
		for k, n := range rim {
			if n > 0 && (best == own || n > rim[best]) {
				best = uint8(k)
			}
		}
		for _, i := range part {
			classes[i] = best
		}
	}
}

func meanOf(v []float64, pixels []int) float64 {
	var sum float64
	for _, i := range pixels {
		sum += v[i]
	}
	return sum / float64(len(pixels))
}
