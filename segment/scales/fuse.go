package scales

import (
	"math"

	"dicomnode/internal/raster"
	"dicomnode/segment/picture"
)

// fusion collects the answers for parts of a picture.
type fusion struct {
	seen   picture.Map // of the whole picture: probabilities at the network's pixels
	fine   picture.Map // probabilities of the whole picture, on the grid of the parts
	sum    []float32   // of the parts' log-probabilities, Classes×cells
	number []float32   // of parts on each cell
}

// finer is the ratio of a part's resolution to that of the whole picture.
const finer = 2

func newFusion(seen picture.Map) *fusion {
	grid := seen.Geometry
	grid.Height, grid.Width = finer*seen.Height, finer*seen.Width
	f := &fusion{seen: seen, fine: seen.On(grid)}
	f.sum, f.number = make([]float32, len(f.fine.P)), make([]float32, grid.Height*grid.Width)
	return f
}

// axis maps cells of a picture to those of a part. It covers the cells, of n over length
// pixels, whose centres are in [from, to). For each it has the preceding cell among the m cells
// of the part, and the weight of the next one.
type axis struct {
	first int
	at    []int
	share []float32
}

func newAxis(length, n, from, to, m int) axis {
	a := axis{first: -1}
	for k := range n {
		centre := (float64(k) + 0.5) * float64(length) / float64(n)
		if centre < float64(from) || centre >= float64(to) {
			continue
		}
		if a.first < 0 {
			a.first = k
		}
		x := min(max((centre-float64(from))/float64(to-from)*float64(m)-0.5, 0), float64(m-1))
		i := min(int(x), max(0, m-2))
		a.at, a.share = append(a.at, i), append(a.share, float32(x-float64(i)))
	}
	return a
}

// add adds the answer m for a part; it replaces its probabilities by logarithms.
func (f *fusion) add(r part, m picture.Map) {
	picture.Logarithms(m.P)
	rows := newAxis(f.fine.Rows, f.fine.Height, r.top, r.bottom, m.Height)
	cols := newAxis(f.fine.Columns, f.fine.Width, r.left, r.right, m.Width)
	n := len(f.number)
	raster.Parallel(len(rows.at), func(y int) {
		low := min(rows.at[y]+1, m.Height-1)
		from := (rows.first+y)*f.fine.Width + cols.first
		for c := range picture.Classes {
			plane := m.Plane(c)
			up, down := plane[rows.at[y]*m.Width:][:m.Width], plane[low*m.Width:][:m.Width]
			for x, k := range cols.at {
				next := min(k+1, m.Width-1)
				f.sum[c*n+from+x] += raster.Mix(up[k], up[next], down[k], down[next], cols.share[x], rows.share[y])
			}
		}
		for x := range cols.at {
			f.number[from+x]++
		}
	})
}

// leastGain is the least difference of confidence in the body, parts minus whole picture, at
// which the parts are used. It is slightly negative because parts show more detail. For large
// joints or a trunk, parts are much less confident, because they lack the surroundings.
const leastGain = -0.02

// into fuses parts and whole picture into a, as their geometric mean, if the parts are used.
func (f *fusion) into(a *Answer) {
	n, width, height := len(f.number), f.fine.Width, f.fine.Height
	doubt, gains := make([]float32, n), make([]gain, height)
	raster.Parallel(height, func(y int) {
		for i := y * width; i < (y+1)*width; i++ {
			whole := at(f.fine.P, i, n)
			detail, fused := f.cell(i, whole)
			doubt[i] = difference(detail, whole)
			if f.number[i] > 0 && whole[picture.OpenBeam] < 0.5 {
				gains[y].add(max(detail[0], detail[1], detail[2]) - max(whole[0], whole[1], whole[2]))
			}
			f.sum[i], f.sum[n+i], f.sum[2*n+i] = fused[0], fused[1], fused[2]
		}
	})
	grid := picture.Geometry{Rows: height, Columns: width, Height: f.seen.Height, Width: f.seen.Width}
	a.ScaleDoubt = grid.Down(doubt, 0, 1)
	if a.Fused = mean(gains) >= leastGain; a.Fused {
		a.Map = picture.Map{Geometry: f.fine.Geometry, P: f.sum}
	}
}

// at returns the values of the classes at place i of n.
func at(p []float32, i, n int) [picture.Classes]float32 {
	return [picture.Classes]float32{p[i], p[n+i], p[2*n+i]}
}

// cell returns the probabilities of the parts at place i, and their geometric mean with those
// of the whole picture; the latter are both where there is no part.
func (f *fusion) cell(i int, whole [picture.Classes]float32) (detail, fused [picture.Classes]float32) {
	if f.number[i] == 0 {
		return whole, whole
	}
	n, k := len(f.number), f.number[i]
	detail[0], detail[1], detail[2] = picture.Softmax(f.sum[i]/k, f.sum[n+i]/k, f.sum[2*n+i]/k)
	var roots [picture.Classes]float64
	for c := range roots {
		roots[c] = math.Sqrt(picture.Possible(detail[c]) * picture.Possible(whole[c]))
	}
	fused[0], fused[1], fused[2] = picture.Normalised(roots)
	return detail, fused
}

// gain is how much more confident in the body the parts are than the whole picture: the sum
// over cells that have parts and are not open beam in the whole picture.
type gain struct {
	sum   float64
	cells int
}

func (g *gain) add(v float32) {
	g.sum += float64(v)
	g.cells++
}

// mean returns the mean gain of a cell.
func mean(gains []gain) float64 {
	var all gain
	for _, g := range gains {
		all.sum += g.sum
		all.cells += g.cells
	}
	return all.sum / float64(max(1, all.cells))
}
