package classical

import (
	"cmp"
	"math"
	"slices"
)

// Clustering follows Pakin, Gaborski, Barski, Foos and Parker, "Clustering
// approach to bone and soft tissue segmentation of digital radiographic images
// of extremities" (2003). Theirs, by the abstract: regions grow by two different
// statistical tests; the regions of each neighbourhood are clustered into two classes,
// which vote for bone or soft tissue, a compromise of local and global analysis; blocks
// overlap, because the exposure varies across large regions; a second-order surface is
// fitted to either tissue, and each region goes to the nearer one. By the paper behind
// XNet, two parameters are free, and the authors tuned them for each image: Variants.
//
// The abstract names no tests, no block and no number. Ours: a neighbourhood is a
// region with those that touch it; blocks vote beside the whole picture; the darker
// class is bone. A pixel joins a region when it lies within
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
	MinContrast  float64 `json:"min_contrast"`  // between the two classes of a neighbourhood that may vote, of the grey range; 0.05
	Refinements  int     `json:"refinements"`   // times that surfaces are fitted; 3
}

// DefaultClustering returns the defaults.
func DefaultClustering() Clustering {
	return Clustering{Smooth: 0.7, MeanTest: 2, VarianceTest: 6, MinRegion: 12, Block: 64, MinContrast: 0.05, Refinements: 3}
}

// Values of the two parameters that are tuned for an image: what a normal distribution
// leaves outside of MeanTest standard deviations goes from a fifth to one in 16,000.
var (
	meanTests     = []float64{1.25, 1.5, 2, 3, 4}
	varianceTests = []float64{1.5, 3, 6, 12, 25}
)

// Tuned implements Tunable.
func (Clustering) Tuned() map[string][]float64 {
	return map[string][]float64{"mean_test": slices.Clone(meanTests), "variance_test": slices.Clone(varianceTests)}
}

// Variants implements Tunable.
func (m Clustering) Variants() []Method {
	var out []Method
	for _, m.MeanTest = range meanTests {
		for _, m.VarianceTest = range varianceTests {
			out = append(out, m)
		}
	}
	return out
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

// vote lets every neighbourhood say which of its regions are bone, in overlapping
// blocks and in the picture as a whole; a region's pixels there are its votes.
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
	clusters, touch := g.inBlock(top, left, side)
	for _, c := range clusters {
		m.voteNeighbourhood(slices.DeleteFunc(slices.Clone(clusters), func(o cluster) bool {
			return o.region != c.region && !touch[[2]int{c.region, o.region}]
		}), votes)
	}
}

// voteNeighbourhood clusters sorted regions into two classes.
func (m Clustering) voteNeighbourhood(clusters []cluster, votes []float64) {
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

// inBlock lists the parts of regions in a block, the darkest first, and which of
// the regions touch there.
func (g *regions) inBlock(top, left, side int) (parts []cluster, touch map[[2]int]bool) {
	at := map[int]int{}
	touch = map[[2]int]bool{}
	h, w := g.picture.Height, g.picture.Width
	for y := top; y < min(top+side, h); y++ {
		for x := left; x < min(left+side, w); x++ {
			i := y*w + x
			r := g.of[i]
			if r < 0 {
				continue
			}
			k, ok := at[r]
			if !ok {
				k = len(parts)
				at[r] = k
				parts = append(parts, cluster{region: r})
			}
			parts[k].n++
			parts[k].sum += g.picture.V[i]
			neighbours(i, h, w, func(j int) {
				if o := g.of[j]; o >= 0 && o != r {
					touch[[2]int{r, o}] = true
				}
			})
		}
	}
	slices.SortFunc(parts, func(a, b cluster) int { return cmp.Or(cmp.Compare(a.mean(), b.mean()), a.region-b.region) })
	return parts, touch
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
