package picture

import "dicomnode/internal/raster"

// cells is the size of the grid for fitting.
type cells struct{ rows, cols int }

// plane allocates one value per cell.
func (g cells) plane() []float32 { return make([]float32, g.rows*g.cols) }

// each calls f for every cell.
func (g cells) each(f func(i int)) {
	raster.Parallel(g.rows, func(y int) {
		for i := y * g.cols; i < (y+1)*g.cols; i++ {
			f(i)
		}
	})
}

// fitted is the number of fitted classes; the last class gets the remainder to 1.
const fitted = Classes - 1

// moments are the sums from which the linear functions are fitted, one value per cell.
type moments struct {
	cells
	radius      [2]int    // of the windows, in rows and columns
	guide       []float32 // 0..1
	weight      []float32 // exposed share
	probability []float32 // Classes×rows×cols
	// Weighted sums over windows: of 1, the guide and its square.
	n, sum, square []float32
}

func newMoments(g cells, guide, weight, probability []float32) *moments {
	m := &moments{cells: g, guide: guide, weight: weight, probability: probability, n: g.plane(), sum: g.plane(), square: g.plane()}
	m.each(func(i int) {
		w, v := weight[i], guide[i]
		m.n[i], m.sum[i], m.square[i] = w, w*v, w*v*v
	})
	return m
}

// leastWeight is the exposed part of a window, in cells, below which it is not fitted.
const leastWeight = 0.5

// filter returns the refined probabilities, Classes×rows×cols.
func (m *moments) filter(epsilon float32) []float32 {
	m.box(m.radius, m.n, m.sum, m.square)
	area := m.rows * m.cols
	out := make([]float32, Classes*area)
	for c := range fitted {
		m.fit(out[c*area:][:area], m.probability[c*area:][:area], epsilon)
	}
	m.each(func(i int) {
		a, b := out[i], out[area+i]
		out[i], out[area+i], out[2*area+i] = distribution(a, b, 1-a-b)
	})
	return out
}

// fit sets dst to the refined p of one class.
func (m *moments) fit(dst, p []float32, epsilon float32) {
	slope, offset := m.plane(), m.plane()
	m.each(func(i int) {
		slope[i], offset[i] = m.weight[i]*m.guide[i]*p[i], m.weight[i]*p[i]
	})
	m.box(m.radius, slope, offset)
	m.each(func(i int) { // converts sums to weighted slopes and offsets, of which box then takes the mean
		if m.n[i] < leastWeight {
			slope[i], offset[i] = 0, 0
			return
		}
		product, p := slope[i]/m.n[i], offset[i]/m.n[i]
		mean := m.sum[i] / m.n[i]
		variance := max(0, m.square[i]/m.n[i]-mean*mean)
		a := (product - mean*p) / (variance + epsilon)
		slope[i], offset[i] = m.weight[i]*a, m.weight[i]*(p-a*mean)
	})
	m.box(m.radius, slope, offset)
	m.each(func(i int) {
		dst[i] = p[i]
		if m.n[i] >= leastWeight {
			dst[i] = (slope[i]*m.guide[i] + offset[i]) / m.n[i]
		}
	})
}

// distribution turns values that sum to 1 into probabilities: a linear function may leave 0..1.
func distribution(a, b, c float32) (float32, float32, float32) {
	if a >= 0 && b >= 0 && c >= 0 {
		return a, b, c
	}
	a, b, c = max(0, a), max(0, b), max(0, c)
	sum := a + b + c
	return a / sum, b / sum, c / sum
}

// stripe is how many columns are summed at a time.
const stripe = 64

// box replaces each plane by its sums over windows, which are truncated at the edges. It uses
// running sums in a fixed order, so that the result does not depend on the goroutines.
func (g cells) box(radius [2]int, planes ...[]float32) {
	across := make([][]float32, len(planes))
	for k := range across {
		across[k] = g.plane()
	}
	fours := (g.rows + 3) / 4
	raster.Parallel(len(planes)*fours, func(i int) {
		k, first := i/fours, i%fours*4
		from, n := first*g.cols, min(4, g.rows-first)*g.cols
		slideRows(across[k][from:][:n], planes[k][from:][:n], g.cols, radius[1])
	})
	stripes := (g.cols + stripe - 1) / stripe
	raster.Parallel(len(planes)*stripes, func(i int) {
		k, first := i/stripes, i%stripes*stripe
		g.fall(planes[k], across[k], first, min(stripe, g.cols-first), radius[0])
	})
}

// slideRows is slide for each of up to four rows of n cells. Four sums are computed side by
// side, so that none waits for its own previous addition.
func slideRows(dst, src []float32, n, radius int) {
	if len(src) < 4*n {
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

// fall is slide along the columns [first, first+n) of a plane.
func (g cells) fall(dst, src []float32, first, n, radius int) {
	var sums [stripe]float64
	row := func(y int) []float32 { return src[y*g.cols+first:][:n] }
	for y := range min(radius, g.rows) {
		for x, v := range row(y) {
			sums[x] += float64(v)
		}
	}
	for y := range g.rows {
		if y+radius < g.rows {
			for x, v := range row(y + radius) {
				sums[x] += float64(v)
			}
		}
		if y > radius {
			for x, v := range row(y - radius - 1) {
				sums[x] -= float64(v)
			}
		}
		for x, v := range sums[:n] {
			dst[y*g.cols+first+x] = float32(v)
		}
	}
}
