package raster

import "slices"

// Flip mirrors a plane of that width in place: left-right for bit 0 of mirror, top-bottom
// for bit 1.
func Flip(plane []float32, width, mirror int) {
	if mirror&2 != 0 {
		slices.Reverse(plane) // in both directions, so bit 0 is then inverted
	}
	if mirror == 1 || mirror == 2 {
		for ; len(plane) >= width; plane = plane[width:] {
			slices.Reverse(plane[:width])
		}
	}
}

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
	v := make([]uint8, len(m))
	for i, in := range m {
		if in {
			v[i] = 1
		}
	}
	g := Connect(v, h, w)
	best, most := -1, 0
	for i, n := range g.Areas() {
		if n > most && v[g.First(i)] == 1 {
			best, most = i, n
		}
	}
	if best < 0 {
		return nil
	}
	out := make([]bool, len(m))
	for i, r := range g.Runs {
		if g.Root(i) == best {
			for x := g.First(i); x < g.First(i)+int(r.To-r.From); x++ {
				out[x] = true
			}
		}
	}
	return out
}
