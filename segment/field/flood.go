package field

import "dicomnode/internal/raster"

// floods returns, for each of h×w pixels, the number of the first of levels, which rise, at which
// it is connected to the frame's edge by pixels ≤ that level; len(levels) if it never is.
func floods(v []float32, h, w int, levels []float32) []uint8 {
	f := flooding{v: v, h: h, w: w, first: make([]uint8, h*w), seen: make([]bool, h*w)}
	raster.Fill(f.first, uint8(len(levels)))
	for x := range w {
		f.visit(x)
		f.visit((h-1)*w + x)
	}
	for y := range h {
		f.visit(y * w)
		f.visit(y*w + w - 1)
	}
	for k, level := range levels {
		f.rise(uint8(k), level)
	}
	return f.first
}

// flood marks pixels ≤ level that are connected to the frame's edge.
func flood(v []float32, h, w int, level float32) []bool {
	out := make([]bool, h*w)
	for i, first := range floods(v, h, w, []float32{level}) {
		out[i] = first == 0
	}
	return out
}

// flooding is a flood that rises from level to level.
type flooding struct {
	v     []float32
	h, w  int
	first []uint8
	seen  []bool // the pixel is reached or in rim
	rim   []int  // pixels beside those that are reached
}

// visit adds a pixel to the rim.
func (f *flooding) visit(i int) {
	if !f.seen[i] {
		f.seen[i] = true
		f.rim = append(f.rim, i)
	}
}

// rise reaches all pixels of the rim up to a level, and those behind them.
func (f *flooding) rise(number uint8, level float32) {
	var dry []int // stay in the rim
	for len(f.rim) > 0 {
		last := len(f.rim) - 1
		i := f.rim[last]
		f.rim = f.rim[:last]
		if !(f.v[i] <= level) {
			dry = append(dry, i)
			continue
		}
		f.first[i] = number
		for _, k := range raster.Neighbours(i, f.w, f.h) {
			if k >= 0 {
				f.visit(k)
			}
		}
	}
	f.rim = dry
}
