package classical

import "math"

// surface is a second-order polynomial of the place: 1, x, y, x², xy, y², with x
// and y from −1 to 1 over the picture.
type surface [6]float64

func terms(i, h, w int) surface {
	x, y := 2*float64(i%w)/float64(max(w-1, 1))-1, 2*float64(i/w)/float64(max(h-1, 1))-1
	return surface{1, x, y, x * x, x * y, y * y}
}

func (s surface) at(t surface) float64 {
	var v float64
	for k := range s {
		v += s[k] * t[k]
	}
	return v
}

// refine fits a surface to the bone and one to the soft tissue, gives each region
// to the nearer one, and repeats until nothing changes. Where the surface of bone
// is not the darker one it says nothing.
func (m Clustering) refine(g *regions, isBone []bool) {
	for range m.Refinements {
		fits, ok := g.fit(isBone)
		if !ok || !g.relabel(fits, isBone) {
			return
		}
	}
}

// fit returns the least-squares surfaces of soft tissue and bone; ok is false when
// one of them is not determined.
func (g *regions) fit(isBone []bool) (fits [2]surface, ok bool) {
	var normal [2][6][7]float64
	for i, r := range g.of {
		if r < 0 {
			continue
		}
		t, k := terms(i, g.picture.Height, g.picture.Width), tissue(isBone[r])
		for a := range t {
			for b := range t {
				normal[k][a][b] += t[a] * t[b]
			}
			normal[k][a][6] += t[a] * g.picture.V[i]
		}
	}
	for k := range fits {
		if fits[k], ok = solve(normal[k]); !ok {
			return fits, false
		}
	}
	return fits, true
}

func tissue(isBone bool) int {
	if isBone {
		return 1
	}
	return 0
}

// relabel gives each region to the surface that it is nearer to, and reports
// whether any changed.
func (g *regions) relabel(fits [2]surface, isBone []bool) (changed bool) {
	far := make([][2]float64, g.count) // sum of distances to either surface
	darker := make([]float64, g.count) // sum of how much bone is darker
	for i, r := range g.of {
		if r < 0 {
			continue
		}
		t := terms(i, g.picture.Height, g.picture.Width)
		level := [2]float64{fits[0].at(t), fits[1].at(t)}
		for k, v := range level {
			far[r][k] += math.Abs(g.picture.V[i] - v)
		}
		darker[r] += level[0] - level[1]
	}
	for r := range isBone {
		now := far[r][1] < far[r][0]
		if darker[r] > 0 && now != isBone[r] {
			isBone[r], changed = now, true
		}
	}
	return changed
}

// solve solves six linear equations by elimination with pivots.
func solve(a [6][7]float64) (surface, bool) {
	for c := range 6 {
		p := c
		for r := c + 1; r < 6; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[p][c]) {
				p = r
			}
		}
		if math.Abs(a[p][c]) < 1e-6 { // as few pixels, or all of them on a curve
			return surface{}, false
		}
		a[c], a[p] = a[p], a[c]
		for r := range 6 {
			if r == c {
				continue
			}
			f := a[r][c] / a[c][c]
			for k := c; k < 7; k++ {
				a[r][k] -= f * a[c][k]
			}
		}
	}
	var s surface
	for c := range s {
		s[c] = a[c][6] / a[c][c]
	}
	return s, true
}
