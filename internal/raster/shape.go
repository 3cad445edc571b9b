package raster

// Share is the part of the pixels that are above a value, 0 to 1.
func Share(p Plane, above float32) float64 {
	n := 0
	for _, x := range p.V {
		if x > above {
			n++
		}
	}
	return float64(n) / float64(len(p.V))
}

// Distance returns for every pixel the chamfer distance (pixels) to the nearest one where m is false.
func Distance(m []bool, w, h int) []float32 {
	d := make([]float32, len(m))
	for i, b := range m {
		if b {
			d[i] = 1e6
		}
	}
	relax := func(i, x, y, dx, dy int, c float32) {
		if x+dx >= 0 && x+dx < w && y+dy >= 0 && y+dy < h {
			d[i] = min(d[i], d[i+dy*w+dx]+c)
		}
	}
	for i := range d {
		x, y := i%w, i/w
		relax(i, x, y, -1, 0, .955)
		relax(i, x, y, 0, -1, .955)
		relax(i, x, y, -1, -1, 1.3693)
		relax(i, x, y, 1, -1, 1.3693)
	}
	for i := len(d) - 1; i >= 0; i-- {
		x, y := i%w, i/w
		relax(i, x, y, 1, 0, .955)
		relax(i, x, y, 0, 1, .955)
		relax(i, x, y, 1, 1, 1.3693)
		relax(i, x, y, -1, 1, 1.3693)
	}
	return d
}

// Neighbours are the four next pixels, −1 outside.
func Neighbours(i, w, h int) [4]int {
	n := [4]int{i - 1, i + 1, i - w, i + w}
	if i%w == 0 {
		n[0] = -1
	}
	if i%w == w-1 {
		n[1] = -1
	}
	if i+w >= w*h {
		n[3] = -1
	}
	return n
}

// Biggest returns the largest connected part of m; nil when m is empty.
func Biggest(m []bool, w, h int) []bool {
	part, sizes := make([]int32, len(m)), []int{0}
	var queue []int
	for i := range m {
		if !m[i] || part[i] != 0 {
			continue
		}
		id := int32(len(sizes))
		part[i], queue = id, append(queue[:0], i)
		for k := 0; k < len(queue); k++ {
			for _, j := range Neighbours(queue[k], w, h) {
				if j >= 0 && m[j] && part[j] == 0 {
					part[j] = id
					queue = append(queue, j)
				}
			}
		}
		sizes = append(sizes, len(queue))
	}
	best := 0
	for id, n := range sizes {
		if n > sizes[best] {
			best = id
		}
	}
	if best == 0 {
		return nil
	}
	out := make([]bool, len(m))
	for i, id := range part {
		out[i] = id == int32(best)
	}
	return out
}
