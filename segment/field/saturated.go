package field

import (
	"slices"

	"dicomnode/internal/raster"
	"dicomnode/segment/padding"
	"dicomnode/segment/picture"
)

const (
	saturatedPart = 0.002 // of the picture's range: what counts as its brightest grey level
	minSaturated  = 0.1   // of the picture; a smaller patch of one level may be noise
	saturatedSoft = 0.5   // of the step at softFar pixels inside, the largest share at softNear pixels
	softNear      = 2
	softFar       = 6
)

// saturated marks the open beam, in a canonical picture v of h×w pixels, where it is clipped to
// one grey level; it returns nil if it is not clipped. The network has seen few such pictures
// and may predict a border, but nothing is brighter than the beam. Borders that software drew
// at this level are recognised by straight or circular, sharp edges; the edge of a body is
// gradual.
func saturated(v []float32, h, w int) picture.Mask {
	least, most := slices.Min(v), slices.Max(v)
	label, n := make([]uint8, len(v)), 0
	for i, f := range v {
		if f >= most-saturatedPart*(most-least) && most > least {
			label[i] = 1
			n++
		}
	}
	if n < int(minSaturated*float64(len(v))) {
		return nil
	}
	drawn, beam := padding.Drawn(label, h, w), make(picture.Mask, len(v))
	patches := raster.Connect(label, h, w)
	steps := softness(v, label, patches, h, w)
	for i, r := range patches.Runs {
		first, s := patches.First(i), steps[patches.Root(i)]
		if label[first] == 0 || drawn[first] || s == nil || !(median(s.near) < saturatedSoft*median(s.far)) {
			continue
		}
		for k := first; k < first+int(r.To-r.From); k++ {
			beam[k] = true
		}
	}
	return beam
}

// edges are steps from the brightest level to pixels near and far beside a patch.
type edges struct{ near, far []float32 }

// softness measures the steps at the border of each patch of label.
func softness(v []float32, label []uint8, patches *raster.Regions, h, w int) map[int]*edges {
	steps := map[int]*edges{}
	for i, r := range patches.Runs {
		if label[patches.First(i)] == 0 {
			continue
		}
		e := steps[patches.Root(i)]
		if e == nil {
			e = &edges{}
			steps[patches.Root(i)] = e
		}
		for x := int(r.From); x < int(r.To); x++ {
			for _, d := range [][2]int{{0, 1}, {0, -1}, {1, 0}, {-1, 0}} {
				e.add(v, label, h, w, int(r.Row), x, d)
			}
		}
	}
	return steps
}

// add adds the steps at a pixel in a direction, if the patch ends there.
func (e *edges) add(v []float32, label []uint8, h, w, y, x int, d [2]int) {
	farY, farX := y+softFar*d[0], x+softFar*d[1]
	if farY < 0 || farX < 0 || farY >= h || farX >= w || label[(y+d[0])*w+x+d[1]] == 1 || label[farY*w+farX] == 1 {
		return
	}
	top := v[y*w+x]
	e.near = append(e.near, top-v[(y+softNear*d[0])*w+x+softNear*d[1]])
	e.far = append(e.far, top-v[farY*w+farX])
}

// keep adds saturated beam inside straight borders to the certain field: straight is the field
// inside them, at the picture's resolution.
func keep(unexposed []float32, beam, straight picture.Mask, g picture.Geometry) {
	for i, in := range beam {
		r, c := i/g.Width*g.Rows/g.Height, i%g.Width*g.Columns/g.Width
		if in && straight[r*g.Columns+c] {
			unexposed[i] = 0
		}
	}
}
