package scales

import (
	"dicomnode/internal/raster"
	"dicomnode/segment/picture"
)

// fusion collects the answers for parts of a picture.
type fusion struct {
	seen   picture.Map // of the whole picture: probabilities at the network's pixels
	fine   picture.Map // log-probabilities of the whole picture, on the grid of the parts
	sum    []float32   // of the parts' log-probabilities, Classes×cells
	number []float32   // of parts on each cell
}

// finer is the ratio of a part's resolution to that of the whole picture.
const finer = 2

func newFusion(seen picture.Map) *fusion {
	grid := picture.Geometry{Rows: seen.Rows, Columns: seen.Columns, Height: finer * seen.Height, Width: finer * seen.Width}
	f := &fusion{seen: seen, fine: seen.On(grid)}
	picture.Logarithms(f.fine.P)
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

// add adds the answer for a part: m contains its log-probabilities.
func (f *fusion) add(r part, m picture.Map) {
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
	whole, fused, detail := f.fine.P, make([]float32, len(f.sum)), make([]float32, len(f.sum))
	height, width := f.fine.Height, f.fine.Width
	raster.Parallel(picture.Classes*height, func(y int) {
		number := f.number[y%height*width:][:width]
		whole, sum := whole[y*width:][:width], f.sum[y*width:][:width]
		fused, detail := fused[y*width:][:width], detail[y*width:][:width]
		for i, k := range number {
			detail[i] = whole[i]
			if k > 0 {
				detail[i] = sum[i] / k
			}
			fused[i] = (detail[i] + whole[i]) / 2
		}
	})
	picture.Softmax(detail)
	picture.Softmax(whole)
	a.ScaleDoubt = f.contradiction(detail)
	if a.Fused = f.gain(detail) >= leastGain; a.Fused {
		picture.Softmax(fused)
		a.Map = picture.Map{Geometry: f.fine.Geometry, P: fused}
	}
}

// gain returns how much more confident in the body the parts are than the whole picture: the
// mean over the cells that have parts and are not open beam in the whole picture.
func (f *fusion) gain(detail []float32) float64 {
	n, width := len(f.number), f.fine.Width
	gains, cells := make([]float64, f.fine.Height), make([]int, f.fine.Height)
	raster.Parallel(f.fine.Height, func(y int) {
		for i := y * width; i < (y+1)*width; i++ {
			if f.number[i] == 0 || f.fine.P[picture.OpenBeam*n+i] >= 0.5 {
				continue
			}
			gains[y] += float64(top(detail, i, n) - top(f.fine.P, i, n))
			cells[y]++
		}
	})
	var gain float64
	number := 0
	for y, g := range gains {
		gain += g
		number += cells[y]
	}
	return gain / float64(max(1, number))
}

func top(p []float32, i, n int) float32 { return max(p[i], p[n+i], p[2*n+i]) }

// contradiction returns Answer.ScaleDoubt.
func (f *fusion) contradiction(detail []float32) []float32 {
	doubt := make([]float32, len(f.number))
	addDifference(doubt, f.fine.Width, detail, f.fine.P, 1)
	grid := picture.Geometry{Rows: f.fine.Height, Columns: f.fine.Width, Height: f.seen.Height, Width: f.seen.Width}
	return grid.Down(doubt, 0, 1)
}
