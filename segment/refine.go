package segment

import "math"

// GuidedFilter refines probabilities at the image's own pixels: guided image filtering
// (He, Sun and Tang, ECCV 2010) of each class with the image as guide, so that borders
// between regions move to edges of the image. In every square window a class's
// probability is fitted as a line over the guide's value; a pixel takes the mean of the
// lines of all windows it lies in. The lines are fitted on cells of half a network pixel
// at least (He and Sun, "Fast guided filter", 2015): the cost of fitting follows the
// network's size, not the image's.
type GuidedFilter struct {
	// Radius is half the side of a window, in pixels of the network; 0 means 2.
	Radius float64 `json:"radius"`
	// Epsilon is the variance of the guide, whose range is 0 to 1, below which a
	// window is smoothed more than fitted; 0 means 0.0001.
	Epsilon float64 `json:"epsilon"`
}

// Defaults of GuidedFilter.
const (
	defaultRadius  = 2
	defaultEpsilon = 1e-4
)

// NewGuidedFilter is a filter with the defaults.
func NewGuidedFilter() *GuidedFilter { return new(GuidedFilter{}.complete()) }

// cellsPerPixel of the network, along an axis, are fitted at most.
const cellsPerPixel = 2

// maxCells bounds the cells along an axis.
const maxCells = cellsPerPixel * Side

func (g GuidedFilter) complete() GuidedFilter {
	if !(g.Radius > 0) {
		g.Radius = defaultRadius
	}
	if !(g.Epsilon > 0) {
		g.Epsilon = defaultEpsilon
	}
	return g
}

// Probabilities are those of the classes at an image's own pixels. Row fills dst[class],
// each as long as the image is wide, for row r; the classes of a pixel sum to 1. It is
// safe for concurrent use.
type Probabilities interface {
	Row(r int, dst [Classes][]float32)
}

// Refined is Probabilities after a GuidedFilter.
type Refined struct {
	guide  guide
	grid   cells
	planes [2 * fitted][]float32 // slope and offset of each fitted class, per cell
	col    []int32               // left neighbour of each column
	right  []float32
}

// fitted classes; what is left to 1 is the last class's.
const fitted = Classes - 1

// cells is the grid that lines are fitted on.
type cells struct{ rows, cols int }

// guide scales pix, Rows×Columns, to 0..1.
type guide struct {
	pix       []float32
	low, high float32
	scale     float32
}

func newGuide(pix []float32) guide {
	q := quantiles(pix, clipLow, clipHigh)
	g := guide{pix: pix, low: q[0], high: q[1]}
	if q[1] > q[0] {
		g.scale = float32(1 / (float64(q[1]) - float64(q[0])))
	}
	return g
}

func (g guide) at(v float32) float32 {
	if !(v > g.low) { // also not a number
		return 0
	}
	return (min(v, g.high) - g.low) * g.scale
}

// Refine filters the network's answer p (Classes×Side×Side) for the picture pix, which is
// Rows×Columns in arbitrary units; field, of the same size, limits the windows to what is
// exposed, nil is everything. pix is kept. It panics at other sizes. The result does not
// depend on the number of processors.
func (f GuidedFilter) Refine(geo Geometry, p, pix []float32, field Mask) *Refined {
	if len(pix) != geo.Rows*geo.Columns || field != nil && len(field) != len(pix) {
		panic("segment: Refine: picture or field size does not match the geometry")
	}
	f = f.complete()
	r := &Refined{guide: newGuide(pix), col: make([]int32, geo.Columns), right: make([]float32, geo.Columns),
		grid: cells{min(geo.Rows, cellsPerPixel*geo.Height), min(geo.Columns, cellsPerPixel*geo.Width)}}
	for c := range r.col {
		i, share := neighbour(c, geo.Columns, r.grid.cols)
		r.col[c], r.right[c] = int32(i), share
	}
	m := newMoments(geo, r.grid, p, r.guide, field)
	m.radius = [2]int{reach(f.Radius, r.grid.rows, geo.Height), reach(f.Radius, r.grid.cols, geo.Width)}
	r.planes = m.lines(float32(f.Epsilon))
	return r
}

// reach is a radius of network pixels in cells, where m network pixels are n cells.
func reach(radius float64, n, m int) int {
	return max(1, int(math.Round(radius*float64(n)/float64(m))))
}

// Row implements Probabilities.
func (r *Refined) Row(row int, dst [Classes][]float32) {
	i, below := neighbour(row, len(r.guide.pix)/len(r.col), r.grid.rows)
	var line [maxCells + 1][2 * fitted]float32
	for k, plane := range r.planes {
		top := plane[i*r.grid.cols:][:r.grid.cols]
		low := plane[min(i+1, r.grid.rows-1)*r.grid.cols:][:r.grid.cols]
		for x := range top {
			line[x][k] = top[x] + (low[x]-top[x])*below
		}
	}
	line[r.grid.cols] = line[r.grid.cols-1]
	pix := r.guide.pix[row*len(r.col):][:len(r.col)]
	for k, x := range r.col {
		v, share := r.guide.at(pix[k]), r.right[k]
		left, right := &line[x], &line[x+1]
		var at [2 * fitted]float32
		for j := range at {
			at[j] = left[j] + (right[j]-left[j])*share
		}
		open, soft := at[0]*v+at[1], at[2]*v+at[3]
		open, soft, bone := distribution(open, soft, 1-open-soft)
		dst[OpenBeam][k], dst[SoftTissue][k], dst[Bone][k] = open, soft, bone
	}
}

// distribution makes values that sum to 1 probabilities: a line may leave 0..1.
func distribution(a, b, c float32) (float32, float32, float32) {
	if a >= 0 && b >= 0 && c >= 0 {
		return a, b, c
	}
	a, b, c = max(0, a), max(0, b), max(0, c)
	sum := a + b + c
	return a / sum, b / sum, c / sum
}

// Probabilities brings the network's answer p (Classes×Side×Side) to the pixels of the
// picture pix (Rows×Columns); field limits a refinement to what is exposed, nil is
// everything. It panics at other sizes.
func (c Config) Probabilities(geo Geometry, p, pix []float32, field Mask) Probabilities {
	if c.Guided == nil {
		return geo.Upsampler(p)
	}
	return c.Guided.Refine(geo, p, pix, field)
}

// Label is the class of each pixel, as Pipeline.Run finds it for the network's answer p
// (Classes×Side×Side) to a picture pix (Rows×Columns) that is exposed everywhere; islands
// are removed as well. It panics at other sizes.
func (c Config) Label(geo Geometry, p, pix []float32) []uint8 {
	label, _ := labels(c.Probabilities(geo, p, pix, nil), geo.Rows, geo.Columns, nil)
	removeIslands(label, geo.Rows, geo.Columns, c.leastIsland(len(label)))
	return label
}
