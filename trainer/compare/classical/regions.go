package classical

import (
	"cmp"
	"math"
	"slices"
)

// regions divides the pixels of a picture that are not open beam.
type regions struct {
	picture Picture
	of      []int // pixel → region, −1 in the open beam
	count   int
}

// grow makes regions from the flattest pixels outwards.
func (m Clustering) grow(p Picture, air []bool) *regions {
	g := &regions{picture: p, of: make([]int, len(p.V))}
	var seeds []int
	for i := range g.of {
		g.of[i] = -1
		if !air[i] {
			seeds = append(seeds, i)
		}
	}
	gx, gy := sobel(p.V, p.Height, p.Width)
	slope := func(i int) float64 { return gx[i]*gx[i] + gy[i]*gy[i] }
	slices.SortStableFunc(seeds, func(a, b int) int { return cmp.Compare(slope(a), slope(b)) })
	least := math.Pow(max(noise(p.V, p.Height, p.Width), 1.0/255), 2)
	local := variances3(p)
	for _, s := range seeds {
		if g.of[s] < 0 {
			m.growFrom(g, s, air, local, least)
			g.count++
		}
	}
	return g
}

// spread keeps mean and variance of a growing region (Welford).
type spread struct{ n, mean, squares float64 }

func (s *spread) add(v float64) {
	s.n++
	d := v - s.mean
	s.mean += d / s.n
	s.squares += d * (v - s.mean)
}

// variance is at least the given one: a region of few pixels knows less.
func (s *spread) variance(least float64) float64 {
	if s.n < 2 {
		return least
	}
	return max(s.squares/(s.n-1), least)
}

func (m Clustering) growFrom(g *regions, seed int, air []bool, local []float64, least float64) {
	var s spread
	join := func(i int) {
		g.of[i] = g.count
		s.add(g.picture.V[i])
	}
	join(seed)
	for queue := []int{seed}; len(queue) > 0; queue = queue[1:] {
		neighbours(queue[0], g.picture.Height, g.picture.Width, func(j int) {
			if air[j] || g.of[j] >= 0 {
				return
			}
			variance := s.variance(least)
			d := g.picture.V[j] - s.mean
			if d*d <= m.MeanTest*m.MeanTest*variance*(1+1/s.n) && local[j] <= m.VarianceTest*variance {
				join(j)
				queue = append(queue, j)
			}
		})
	}
}

// variances3 is the variance of each pixel's 3×3 neighbourhood.
func variances3(p Picture) []float64 {
	out := make([]float64, len(p.V))
	for i := range out {
		var s spread
		for k := range 9 {
			s.add(clampAt(p.V, p.Height, p.Width, i/p.Width+k/3-1, i%p.Width+k%3-1))
		}
		out[i] = s.squares / 8
	}
	return out
}

// mergeSmall merges every region of fewer than least pixels, the smallest first,
// into the neighbour of nearest mean: of those that are large enough, if there are
// any, so that the pixels of an edge do not gather in a region of their own.
func (g *regions) mergeSmall(least int) {
	parts, touch := g.parts(), g.adjacent()
	order := make([]int, g.count)
	for r := range order {
		order[r] = r
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(parts[a].n, parts[b].n) })
	into := make([]int, g.count) // region → the one it was merged into, itself otherwise
	for r := range into {
		into[r] = r
	}
	for _, r := range order {
		if parts[r].n >= float64(least) {
			continue // it may have grown meanwhile
		}
		best := nearest(r, parts, touch[r], float64(least))
		if best < 0 {
			continue
		}
		into[r] = best
		parts[best].n += parts[r].n
		parts[best].sum += parts[r].sum
		absorb(touch, r, best)
	}
	g.renumber(into)
}

// nearest is the neighbour of region r whose mean is nearest, of those with least
// pixels if there are any; −1 without a neighbour.
func nearest(r int, parts []cluster, touch map[int]bool, least float64) int {
	best := -1
	better := func(k int) bool {
		if best < 0 {
			return true
		}
		if large := parts[k].n >= least; large != (parts[best].n >= least) {
			return large
		}
		far, now := math.Abs(parts[k].mean()-parts[r].mean()), math.Abs(parts[best].mean()-parts[r].mean())
		return far < now || far == now && k < best
	}
	for k := range touch {
		if better(k) {
			best = k
		}
	}
	return best
}

// absorb gives r's neighbours to best.
func absorb(touch []map[int]bool, r, best int) {
	for k := range touch[r] {
		delete(touch[k], r)
		if k != best {
			touch[k][best] = true
			touch[best][k] = true
		}
	}
	touch[r] = nil
}

// parts are the regions with their pixels and sums.
func (g *regions) parts() []cluster {
	out := make([]cluster, g.count)
	for i, r := range g.of {
		if r >= 0 {
			out[r].n++
			out[r].sum += g.picture.V[i]
		}
	}
	return out
}

// adjacent lists which regions touch.
func (g *regions) adjacent() []map[int]bool {
	out := make([]map[int]bool, g.count)
	for r := range out {
		out[r] = map[int]bool{}
	}
	for i, r := range g.of {
		neighbours(i, g.picture.Height, g.picture.Width, func(j int) {
			if s := g.of[j]; r >= 0 && s >= 0 && s != r {
				out[r][s] = true
			}
		})
	}
	return out
}

// renumber follows into and makes the numbers 0..count−1 again.
func (g *regions) renumber(into []int) {
	number := map[int]int{}
	for i, r := range g.of {
		if r < 0 {
			continue
		}
		for into[r] != r {
			r = into[r]
		}
		if _, ok := number[r]; !ok {
			number[r] = len(number)
		}
		g.of[i] = number[r]
	}
	g.count = len(number)
}
