package segment

// moments are weighted sums over cells of the guide I and the fitted classes' p; w is the
// exposed part of a cell.
type moments struct {
	grid   cells
	radius [2]int // of the windows, in rows and columns
	w      []float32
	wi     []float32
	wii    []float32
	p      [fitted][]float32
	wp     [fitted][]float32
	wip    [fitted][]float32
}

// plane allocates one value per cell.
func (g cells) plane() []float32 { return make([]float32, g.rows*g.cols) }

// newMoments gathers the guide by area and p bilinearly.
func newMoments(geo Geometry, grid cells, p []float32, pix guide, field Mask) *moments {
	m := &moments{grid: grid, w: grid.plane(), wi: grid.plane(), wii: grid.plane()}
	down := Geometry{Rows: geo.Rows, Columns: geo.Columns, Height: grid.rows, Width: grid.cols}
	small := down.down(pix.pix, pix.low, pix.high)
	exposed := down.exposed(field)
	up := geo
	up.Rows, up.Columns = grid.rows, grid.cols
	rows := up.Upsampler(p)
	var all [Classes][]float32
	for c := range all {
		all[c] = grid.plane()
	}
	for c := range fitted {
		m.p[c], m.wp[c], m.wip[c] = all[c], grid.plane(), grid.plane()
	}
	parallel(grid.rows, func(y int) {
		from, to := y*grid.cols, (y+1)*grid.cols
		var dst [Classes][]float32
		for c := range dst {
			dst[c] = all[c][from:to]
		}
		rows.Row(y, dst)
		for i := from; i < to; i++ {
			w, v := exposed[i], pix.at(small[i])
			m.w[i], m.wi[i], m.wii[i] = w, w*v, w*v*v
			for c := range fitted {
				m.wp[c][i], m.wip[c][i] = w*m.p[c][i], w*v*m.p[c][i]
			}
		}
	})
	return m
}

// exposed is the part of each of Height×Width cells that lies in the field, 1 without one.
func (g Geometry) exposed(field Mask) []float32 {
	out := make([]float32, g.Height*g.Width)
	if field == nil {
		for i := range out {
			out[i] = 1
		}
		return out
	}
	rows, cols := spans(g.Rows, g.Height), spans(g.Columns, g.Width)
	parallel(g.Height, func(y int) {
		for x, s := range cols {
			var sum float32
			for j, wr := range rows[y].weights {
				for k, in := range field[(rows[y].first+j)*g.Columns+s.first:][:len(s.weights)] {
					if in {
						sum += wr * s.weights[k]
					}
				}
			}
			out[y*g.Width+x] = sum
		}
	})
	return out
}

// lines fits a line of each class over the guide in every window, and returns slope and
// offset of each class, averaged over the windows that a cell lies in.
func (m *moments) lines(epsilon float32) (out [2 * fitted][]float32) {
	n := m.grid.plane()
	copy(n, m.w)
	sums := [][]float32{n, m.wi, m.wii}
	for c := range fitted {
		sums = append(sums, m.wp[c], m.wip[c])
	}
	m.grid.box(sums, m.radius)
	for k := range out {
		out[k] = m.grid.plane()
	}
	parallel(m.grid.rows, func(y int) {
		for i := y * m.grid.cols; i < (y+1)*m.grid.cols; i++ {
			if n[i] < leastWeight {
				continue
			}
			mean := m.wi[i] / n[i]
			variance := max(0, m.wii[i]/n[i]-mean*mean)
			for c := range fitted {
				p := m.wp[c][i] / n[i]
				slope := (m.wip[c][i]/n[i] - mean*p) / (variance + epsilon)
				out[2*c][i], out[2*c+1][i] = m.w[i]*slope, m.w[i]*(p-slope*mean)
			}
		}
	})
	m.grid.box(out[:], m.radius)
	parallel(m.grid.rows, func(y int) {
		for i := y * m.grid.cols; i < (y+1)*m.grid.cols; i++ {
			for c := range fitted {
				if n[i] < leastWeight {
					out[2*c][i], out[2*c+1][i] = 0, m.p[c][i]
					continue
				}
				out[2*c][i] /= n[i]
				out[2*c+1][i] /= n[i]
			}
		}
	})
	return out
}

// leastWeight is the exposed part of a window, in cells, below which nothing is fitted.
const leastWeight = 0.5

// stripe is how many columns are summed at once.
const stripe = 64

// box replaces each plane by its sums over windows, cut off at the edges: running sums,
// in an order that is the same whoever computes them.
func (g cells) box(planes [][]float32, radius [2]int) {
	across := make([][]float32, len(planes))
	for k := range across {
		across[k] = g.plane()
	}
	parallel(len(planes)*g.rows, func(i int) {
		k, from := i/g.rows, i%g.rows*g.cols
		slide(across[k][from:][:g.cols], planes[k][from:][:g.cols], radius[1])
	})
	stripes := (g.cols + stripe - 1) / stripe
	parallel(len(planes)*stripes, func(i int) {
		k, first := i/stripes, i%stripes*stripe
		g.fall(planes[k], across[k], first, min(stripe, g.cols-first), radius[0])
	})
}

// slide sums src over [x−radius, x+radius].
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

// fall is slide down the columns [first, first+n) of a plane.
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
