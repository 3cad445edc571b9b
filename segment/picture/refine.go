package picture

import (
	"math"

	"dicomnode/internal/raster"
)

// GuidedFilter refines probabilities by guided image filtering (He, Sun and Tang, ECCV 2010) of
// each class, so that borders between regions move to edges of the image. In every square
// window a class's probability is fitted as a linear function of the guide. Each cell gets the
// mean of the functions of all windows that contain it, at its own guide value. A cell is the
// larger of a third of a network pixel and an image pixel, and contains the mean of the image:
// noise of single pixels would make the borders ragged. Between cells the result is
// interpolated.
type GuidedFilter struct {
	// Radius is half the side of a window, in pixels of the network; 0 means 2.
	Radius float64 `json:"radius"`
	// Epsilon is the variance of the guide, whose range is 0 to 1, below which a window is
	// smoothed rather than fitted; 0 means 0.0001.
	Epsilon float64 `json:"epsilon"`
}

// Defaults of GuidedFilter, chosen on simulated images
// (docs/decisions/0010-guided-filter.md).
const (
	defaultRadius  = 2
	defaultEpsilon = 1e-4
)

// NewGuidedFilter returns a filter with the defaults.
func NewGuidedFilter() *GuidedFilter { return new(GuidedFilter{}.WithDefaults()) }

// WithDefaults returns f with defaults in place of zero values.
func (f GuidedFilter) WithDefaults() GuidedFilter {
	if !(f.Radius > 0) {
		f.Radius = defaultRadius
	}
	if !(f.Epsilon > 0) {
		f.Epsilon = defaultEpsilon
	}
	return f
}

// cellsPerPixel is the greatest number of cells per network pixel along an axis.
const cellsPerPixel = 3

// maxCells is the greatest number of cells along an axis.
const maxCells = cellsPerPixel * Side

// Refine filters the map m of the picture pix, Rows×Columns in arbitrary units, with it as guide.
// field, of the same size, limits the windows to the exposed field; nil means no limit. Refine
// panics if a size is wrong. The result does not depend on the number of processors.
func (f GuidedFilter) Refine(m Map, pix []float32, field Mask) *Upsampler {
	if len(pix) != m.Rows*m.Columns || field != nil && len(field) != len(pix) {
		panic("picture: Refine: picture or field size does not match the geometry")
	}
	f = f.WithDefaults()
	network := NewGeometry(m.Rows, m.Columns)
	grid := Geometry{Rows: m.Rows, Columns: m.Columns, Low: m.Low, High: m.High,
		Height: min(m.Rows, cellsPerPixel*network.Height), Width: min(m.Columns, cellsPerPixel*network.Width)}
	t := fit{
		cells: cells{grid.Height, grid.Width}, epsilon: float32(f.Epsilon),
		radius: [2]int{reach(f.Radius, grid.Height, network.Height), reach(f.Radius, grid.Width, network.Width)},
		guide:  grid.guide(pix), weight: grid.Exposed(field), probability: m.On(grid).P,
	}
	t.filter()
	u := newUpsampler(grid, t.probability)
	u.own = true
	return u
}

// reach converts a radius in network pixels to cells, if m network pixels are n cells.
func reach(radius float64, n, m int) int {
	return max(1, int(math.Round(radius*float64(n)/float64(m))))
}

// guide averages pix over Height×Width cells and scales it to 0..1 between the percentiles of
// Canonical. A constant picture gives all 0.
func (g Geometry) guide(pix []float32) []float32 {
	if !(g.High > g.Low) {
		q := raster.Quantiles(pix, ClipLow, ClipHigh)
		g.Low, g.High = q[0], q[1]
	}
	out := g.Down(pix, g.Low, g.High)
	scale := 0.0
	if g.High > g.Low {
		scale = 1 / (float64(g.High) - float64(g.Low))
	}
	raster.Each(out, func(v float32) float32 { return float32((float64(v) - float64(g.Low)) * scale) })
	return out
}
