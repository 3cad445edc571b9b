package picture

import (
	"math"

	"dicomnode/internal/raster"
)

// GuidedFilter refines probabilities with the image: guided image filtering (He, Sun and
// Tang, ECCV 2010) of each class, so that borders between regions move to edges of the
// image. In every square window a class's probability is fitted as a line over the
// guide's value; a cell takes the mean of the lines of all windows it lies in, at its own
// value. Cells are thirds of a network pixel or the image's pixels, whichever are larger,
// and averages of the image: at single pixels its noise would fray the borders. What is
// between cells is interpolated.
type GuidedFilter struct {
	// Radius is half the side of a window, in pixels of the network; 0 means 2.
	Radius float64 `json:"radius"`
	// Epsilon is the variance of the guide, whose range is 0 to 1, below which a
	// window is smoothed more than fitted; 0 means 0.0001.
	Epsilon float64 `json:"epsilon"`
}

// Defaults of GuidedFilter, chosen on simulated images
// (docs/decisions/0010-guided-filter.md).
const (
	defaultRadius  = 2
	defaultEpsilon = 1e-4
)

// NewGuidedFilter is a filter with the defaults.
func NewGuidedFilter() *GuidedFilter { return new(GuidedFilter{}.WithDefaults()) }

// WithDefaults puts the defaults where f gives nothing.
func (f GuidedFilter) WithDefaults() GuidedFilter {
	if !(f.Radius > 0) {
		f.Radius = defaultRadius
	}
	if !(f.Epsilon > 0) {
		f.Epsilon = defaultEpsilon
	}
	return f
}

// cellsPerPixel of the network, along an axis, are fitted at most.
const cellsPerPixel = 3

// maxCells bounds the cells along an axis.
const maxCells = cellsPerPixel * Side

// Refine filters the map m with the picture pix, which is Rows×Columns in arbitrary units,
// as guide; field, of the same size, limits the windows to what is exposed, nil is
// everything. It panics at other sizes. The result does not depend on the number of
// processors.
func (f GuidedFilter) Refine(m Map, pix []float32, field Mask) *Upsampler {
	if len(pix) != m.Rows*m.Columns || field != nil && len(field) != len(pix) {
		panic("picture: Refine: picture or field size does not match the geometry")
	}
	f = f.WithDefaults()
	network := NewGeometry(m.Rows, m.Columns)
	grid := Geometry{Rows: m.Rows, Columns: m.Columns,
		Height: min(m.Rows, cellsPerPixel*network.Height), Width: min(m.Columns, cellsPerPixel*network.Width)}
	fit := newMoments(cells{grid.Height, grid.Width}, grid.guide(pix), grid.Exposed(field), m.On(grid).P)
	fit.radius = [2]int{reach(f.Radius, grid.Height, network.Height), reach(f.Radius, grid.Width, network.Width)}
	return newUpsampler(grid, fit.filter(float32(f.Epsilon)))
}

// reach is a radius of network pixels in cells, where m network pixels are n cells.
func reach(radius float64, n, m int) int {
	return max(1, int(math.Round(radius*float64(n)/float64(m))))
}

// guide averages pix over Height×Width cells and scales it to 0..1 between the
// percentiles that the network sees; a constant is all 0.
func (g Geometry) guide(pix []float32) []float32 {
	q := raster.Quantiles(pix, ClipLow, ClipHigh)
	out := g.Down(pix, q[0], q[1])
	scale := 0.0
	if q[1] > q[0] {
		scale = 1 / (float64(q[1]) - float64(q[0]))
	}
	for i, v := range out {
		out[i] = float32((float64(v) - float64(q[0])) * scale)
	}
	return out
}
