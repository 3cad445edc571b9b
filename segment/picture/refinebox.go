package picture

import "dicomnode/internal/raster"

// cells is the size of the grid for fitting.
type cells struct{ rows, cols int }

// side is how many rows slideRows sums side by side.
const side = 4

// across sets dst to the sums of planes along rows, over [x−radius, x+radius], truncated at the
// edges. It gets whole rows of the planes from source: n cells from first on, for which source
// may use buffers. Running sums have a fixed order, so that the result does not depend on the
// goroutines.
func (g cells) across(radius int, dst [][]float32, source func(first, n int, buffers [][]float32) (rows [][]float32)) {
	room := func() [][]float32 {
		buffers := make([][]float32, len(dst))
		for k := range buffers {
			buffers[k] = make([]float32, side*g.cols)
		}
		return buffers
	}
	raster.ParallelWith((g.rows+side-1)/side, room, func(i int, own [][]float32) {
		first := i * side * g.cols
		n := min(side*g.cols, g.rows*g.cols-first)
		for k, row := range source(first, n, own) {
			slideRows(dst[k][first:][:n], row[:n], g.cols, radius)
		}
	})
}

// slideRows is slide for each of up to four rows of n cells. Four sums are computed side by
// side, so that none waits for its own previous addition.
func slideRows(dst, src []float32, n, radius int) {
	if len(src) < side*n {
		for from := 0; from < len(src); from += n {
			slide(dst[from:][:n], src[from:][:n], radius)
		}
		return
	}
	a, b, c, d := src[:n], src[n:][:n], src[2*n:][:n], src[3*n:][:n]
	e, f, g, h := dst[:n], dst[n:][:n], dst[2*n:][:n], dst[3*n:][:n]
	var p, q, r, s float64
	for x := range min(radius, n) {
		p, q, r, s = p+float64(a[x]), q+float64(b[x]), r+float64(c[x]), s+float64(d[x])
	}
	for x := range n {
		if in := x + radius; in < n {
			p, q, r, s = p+float64(a[in]), q+float64(b[in]), r+float64(c[in]), s+float64(d[in])
		}
		if out := x - radius - 1; out >= 0 {
			p, q, r, s = p-float64(a[out]), q-float64(b[out]), r-float64(c[out]), s-float64(d[out])
		}
		e[x], f[x], g[x], h[x] = float32(p), float32(q), float32(r), float32(s)
	}
}

// slide sets dst to the sums of src over [x−radius, x+radius].
func slide(dst, src []float32, radius int) {
	var sum float64
	for _, v := range src[:min(radius, len(src))] {
		sum += float64(v)
	}
	for x := range dst {
		if x+radius < len(src) {
			sum += float64(src[x+radius])
		}
		if x > radius {
			sum -= float64(src[x-radius-1])
		}
		dst[x] = float32(sum)
	}
}

// stripe is how many columns are summed at a time.
const stripe = 64

// down sums planes along columns, like across along rows. It calls f with the sums of all
// planes for n cells of a row, the first of which is the cell first; f is called from several
// goroutines, and sums are used again afterwards.
func (g cells) down(radius int, planes [][]float32, f func(first, n int, sums [][stripe]float64)) {
	room := func() [][stripe]float64 { return make([][stripe]float64, len(planes)) }
	raster.ParallelWith((g.cols+stripe-1)/stripe, room, func(i int, sums [][stripe]float64) {
		from := i * stripe
		n := min(stripe, g.cols-from)
		clear(sums)
		for y := range min(radius, g.rows) {
			g.enter(sums, planes, y*g.cols+from, n)
		}
		for y := range g.rows {
			if y+radius < g.rows {
				g.enter(sums, planes, (y+radius)*g.cols+from, n)
			}
			if y > radius {
				g.leave(sums, planes, (y-radius-1)*g.cols+from, n)
			}
			f(y*g.cols+from, n, sums)
		}
	})
}

// enter adds n cells from first on to the sums.
func (g cells) enter(sums [][stripe]float64, planes [][]float32, first, n int) {
	for k, plane := range planes {
		sum := sums[k][:n]
		for x, v := range plane[first:][:len(sum)] {
			sum[x] += float64(v)
		}
	}
}

// leave subtracts them.
func (g cells) leave(sums [][stripe]float64, planes [][]float32, first, n int) {
	for k, plane := range planes {
		sum := sums[k][:n]
		for x, v := range plane[first:][:len(sum)] {
			sum[x] -= float64(v)
		}
	}
}
