package augment

import (
	"math"
	"math/rand/v2"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/warp"
)

// view maps the pixels of an output picture to places in a source picture.
type view struct {
	rows, cols int        // of the output
	cy, cx     float64    // place in the source of the output's centre
	m          [4]float64 // (row, column) offsets of the output to those of the source
	bend       *warp.Bend // nil: none
}

// newView draws a map of a source of rows×cols pixels to an output with a longer
// side of size pixels.
func (v Variation) newView(r *rand.Rand, rows, cols, size int) view {
	// The window of the source that the output shows.
	keep := func() float64 { return 1 - v.Crop*r.Float64() }
	h, w := float64(rows)*keep(), float64(cols)*keep()
	long := max(h, w)
	move := func(free float64) float64 { return free*(r.Float64()-0.5) + v.Translate*long*(2*r.Float64()-1) }
	out := view{cy: float64(rows)/2 + move(float64(rows)-h), cx: float64(cols)/2 + move(float64(cols)-w)}
	scale := long / float64(size)
	quarter := v.Flip && r.IntN(2) == 1
	out.m = warp.Affine{Rotate: v.Rotate, Shear: v.Shear, Flip: v.Flip}.Matrix(r, scale, quarter)
	if quarter {
		h, w = w, h
	}
	out.rows, out.cols = side(h/scale), side(w/scale)
	if v.Elastic > 0 {
		out.bend = warp.NewBend(r, out.rows, out.cols, v.Elastic*r.Float64()*float64(size))
	}
	return out
}

func side(v float64) int { return max(1, int(math.Round(v))) }

// row is the map along one row of points; x of pixel c is in [c, c+1), and so in
// the source.
func (w *view) row(y float64) func(x float64) (sy, sx float64) {
	straight := func(y, x float64) (sy, sx float64) {
		y, x = y-float64(w.rows)/2, x-float64(w.cols)/2
		return w.cy + w.m[0]*y + w.m[1]*x, w.cx + w.m[2]*y + w.m[3]*x
	}
	if w.bend == nil {
		return func(x float64) (sy, sx float64) { return straight(y, x) }
	}
	bent := w.bend.Line(y)
	return func(x float64) (sy, sx float64) {
		dy, dx := bent.At(x)
		return straight(y+dy, x+dx)
	}
}

// maxSamples bounds the samples along one side of an output pixel.
const maxSamples = 8

// render reads picture and label through the map. Both are sampled at the same
// points, several within an output pixel where the source is larger: the picture's
// samples are bilinear and averaged, the label's are nearest and vote. Outside the
// source the picture repeats its edge and the label is Ignore.
func (w *view) render(p *dataset.Picture) *dataset.Picture {
	out := &dataset.Picture{Rows: w.rows, Cols: w.cols, Pix: make([]float32, w.rows*w.cols), Label: make([]uint8, w.rows*w.cols)}
	scale := math.Sqrt(math.Abs(w.m[0]*w.m[3] - w.m[1]*w.m[2]))
	n := min(max(1, int(math.Round(scale))), maxSamples)
	for y := range w.rows {
		w.renderRow(p, y, n, out.Pix[y*w.cols:][:w.cols], out.Label[y*w.cols:][:w.cols])
	}
	return out
}

// renderRow renders row y with n×n samples per pixel.
func (w *view) renderRow(p *dataset.Picture, y, n int, pix []float32, label []uint8) {
	ballots := make([]votes, len(pix))
	for j := range n {
		at := w.row(float64(y) + (float64(j)+0.5)/float64(n))
		for k := range n * len(pix) {
			sy, sx := at((float64(k) + 0.5) / float64(n))
			pix[k/n] += bilinear(p, sy-0.5, sx-0.5)
			ballots[k/n].add(nearest(p, sy, sx))
		}
	}
	for x := range pix {
		pix[x] /= float32(n * n)
		label[x] = ballots[x].winner()
	}
}

// votes counts classes; the last counts Ignore.
type votes [dataset.Classes + 1]int

func (v *votes) add(label uint8) { v[min(label, dataset.Classes)]++ }

func (v *votes) winner() uint8 {
	best := 0
	for c, n := range v {
		if n > v[best] {
			best = c
		}
	}
	if best == dataset.Classes {
		return dataset.Ignore
	}
	return uint8(best)
}

func nearest(p *dataset.Picture, y, x float64) uint8 {
	if !(y >= 0 && x >= 0 && y < float64(p.Rows) && x < float64(p.Cols)) {
		return dataset.Ignore
	}
	return p.Label[int(y)*p.Cols+int(x)]
}

// bilinear reads between pixel centres; centres are at whole numbers here.
func bilinear(p *dataset.Picture, y, x float64) float32 {
	y, x = min(max(y, 0), float64(p.Rows-1)), min(max(x, 0), float64(p.Cols-1))
	y0, x0 := int(y), int(x)
	y1, x1 := min(y0+1, p.Rows-1), min(x0+1, p.Cols-1)
	fy, fx := float32(y-float64(y0)), float32(x-float64(x0))
	above, below := p.Pix[y0*p.Cols:], p.Pix[y1*p.Cols:]
	return raster.Mix(above[x0], above[x1], below[x0], below[x1], fx, fy)
}
