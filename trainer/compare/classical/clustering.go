package classical

import (
	"cmp"
	"math"
	"slices"
)

// Clustering follows Pakin, Gaborski, Barski, Foos and Parker, "Clustering
// approach to bone and soft tissue segmentation of digital radiographic images
// of extremities" (2003): regions grow as long as two statistical tests pass; in
// each of many overlapping blocks the regions are clustered into two classes, and
// the darker class votes for bone; a second-order surface is fitted to either
// tissue, and each region goes to the nearer one.
//
// The description names no tests. Here a pixel joins a region when it lies within
// the spread of the region's values (a Student prediction interval of MeanTest
// standard deviations) and when the variance of its 3×3 neighbourhood is at most
// VarianceTest times that of the region (a ratio of variances, which stops at
// edges); these are taken for the publication's two free parameters. Regions of
// fewer than MinRegion pixels are merged into the neighbour of nearest mean. The
// open beam is taken away first, by MultiOtsu.
type Clustering struct {
	Smooth       float64 `json:"smooth"`        // Gaussian before everything, in pixels; 0.7
	MeanTest     float64 `json:"mean_test"`     // standard deviations; 2
	VarianceTest float64 `json:"variance_test"` // ratio of variances; 6
	MinRegion    int     `json:"min_region"`    // pixels; 12
	Block        int     `json:"block"`         // side of a block in pixels, half of which overlaps the next; 64
	MinContrast  float64 `json:"min_contrast"`  // between the two clusters of a block that may vote, of the grey range; 0.05
	Refinements  int     `json:"refinements"`   // times that surfaces are fitted; 3
}

// DefaultClustering returns the defaults.
func DefaultClustering() Clustering {
	return Clustering{Smooth: 0.7, MeanTest: 2, VarianceTest: 6, MinRegion: 12, Block: 64, MinContrast: 0.05, Refinements: 3}
}

// Name implements Method.
func (Clustering) Name() string { return "clustering" }

// Check implements Method.
func (m Clustering) Check() error {
	return within(limit{"smooth", m.Smooth, 0, 10}, limit{"mean_test", m.MeanTest, 0.1, 100}, limit{"variance_test", m.VarianceTest, 0.1, 1e6},
		limit{"min_region", float64(m.MinRegion), 1, Side * Side}, limit{"block", float64(m.Block), 4, Side},
		limit{"min_contrast", m.MinContrast, 0, 1}, limit{"refinements", float64(m.Refinements), 0, 100})
}

// Segment implements Method.
func (m Clustering) Segment(p Picture) []uint8 {
	air := openBeam(p)
	q := p
	q.V = gaussian(p.V, p.Height, p.Width, m.Smooth)
	g := m.grow(q, air)
	g.mergeSmall(m.MinRegion)
	isBone := m.vote(g)
	m.refine(g, isBone)
	out := make([]uint8, len(p.V))
	for i, r := range g.of {
		switch {
		case r < 0:
			out[i] = open
		case isBone[r]:
			out[i] = bone
		default:
			out[i] = soft
		}
	}
	return out
}

// cluster is the part of a region inside a block.
type cluster struct {
	region int
	n, sum float64
}

func (c cluster) mean() float64 { return c.sum / c.n }

// vote lets overlapping blocks, and the picture as a whole, say which regions are
// bone; each has as many votes on a region as the region has pixels in it.
func (m Clustering) vote(g *regions) []bool {
	votes := make([]float64, g.count)
	h, w := g.picture.Height, g.picture.Width
	m.voteBlock(g, 0, 0, max(h, w), votes)
	step := max(m.Block/2, 1)
	for y := 0; y < h; y += step {
		for x := 0; x < w; x += step {
			m.voteBlock(g, y, x, m.Block, votes)
		}
	}
	out := make([]bool, g.count)
	for r, v := range votes {
		out[r] = v > 0
	}
	return out
}

func (m Clustering) voteBlock(g *regions, top, left, side int, votes []float64) {
	clusters := g.inBlock(top, left, side)
	if len(clusters) < 2 {
		return
	}
	cut := twoMeans(clusters)
	if mean(clusters[cut:])-mean(clusters[:cut]) < m.MinContrast {
		return // one tissue as far as grey tells
	}
	for i, c := range clusters {
		if i < cut {
			votes[c.region] += c.n
		} else {
			votes[c.region] -= c.n
		}
	}
}

// inBlock lists the parts of regions in a block, the darkest first.
func (g *regions) inBlock(top, left, side int) []cluster {
	at := map[int]int{}
	var out []cluster
	for y := top; y < min(top+side, g.picture.Height); y++ {
		for x := left; x < min(left+side, g.picture.Width); x++ {
			i := y*g.picture.Width + x
			r := g.of[i]
			if r < 0 {
				continue
			}
			k, ok := at[r]
			if !ok {
				k = len(out)
				at[r] = k
				out = append(out, cluster{region: r})
			}
			out[k].n++
			out[k].sum += g.picture.V[i]
		}
	}
	slices.SortFunc(out, func(a, b cluster) int { return cmp.Or(cmp.Compare(a.mean(), b.mean()), a.region-b.region) })
	return out
}

// twoMeans returns how many of the sorted clusters belong to the darker of the two
// classes of least variance within: the optimum of 2-means, which in one
// dimension is a cut.
func twoMeans(c []cluster) int {
	best, cut := math.Inf(-1), 1
	for k := 1; k < len(c); k++ {
		gain := 0.0
		for _, part := range [][]cluster{c[:k], c[k:]} {
			n, sum := total(part)
			gain += sum * sum / n
		}
		if gain > best {
			best, cut = gain, k
		}
	}
	return cut
}

func total(c []cluster) (n, sum float64) {
	for _, a := range c {
		n, sum = n+a.n, sum+a.sum
	}
	return n, sum
}

func mean(c []cluster) float64 {
	n, sum := total(c)
	return sum / n
}
