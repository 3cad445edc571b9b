package ct

import "dicomnode/internal/raster"

// Automatic labels of bone miss the marrow of a sacrum where it is no denser than the tissue
// around it: its compact bone is then a ring with gaps, and its wings would be soft tissue.
const (
	widestGap   = 8.0    // mm, of the ring
	largestHole = 2500.0 // mm², within the ring; half a sacrum has 1200
	narrowest   = 5.0    // mm: what is narrower, as the space of a joint, is no marrow
)

// fillMarrow makes bone of what bone encloses in each axial slice.
func (v *volume) fillMarrow() {
	dx, dy := v.toMM.Axes[0].Norm(), v.toMM.Axes[1].Norm()
	n := v.dim[0] * v.dim[1]
	raster.Parallel(v.dim[2], func(z int) {
		slice := v.v[z*n : (z+1)*n]
		bone := layer{v.dim[0], v.dim[1], make([]bool, n)}
		for i, x := range slice {
			bone.in[i] = x>>16 > 127
		}
		if raster.Count(bone.in) == 0 {
			return
		}
		for i, in := range bone.marrow(dx, dy).in {
			if in && slice[i] != 0 {
				slice[i] |= 255 << 16
			}
		}
	})
}

// layer is a set of pixels of a slice of w×h.
type layer struct {
	w, h int
	in   []bool
}

// marrow returns what the bones of a slice with pixels of dx×dy mm enclose.
func (bone layer) marrow(dx, dy float64) layer {
	half := func(mm float64) (rx, ry int) { return int(mm/2/dx + .5), int(mm/2/dy + .5) }
	rx, ry := half(widestGap)
	shut := bone.dilate(rx, ry).erode(rx, ry)
	shut.closeHoles(int(largestHole / dx / dy))
	for i, in := range bone.in {
		shut.in[i] = shut.in[i] && !in
	}
	rx, ry = half(narrowest)
	return shut.erode(rx, ry).dilate(rx, ry)
}

// closeHoles adds the connected areas of at most most pixels that touch no side of the slice.
func (l layer) closeHoles(most int) {
	v := make([]uint8, len(l.in))
	for i, in := range l.in {
		if in {
			v[i] = 1
		}
	}
	areas := raster.Connect(v, l.h, l.w)
	sizes := areas.Areas()
	for k, r := range areas.Runs {
		if r.Row == 0 || int(r.Row) == l.h-1 || r.From == 0 || int(r.To) == l.w {
			sizes[areas.Root(k)] = most + 1
		}
	}
	for k, r := range areas.Runs {
		if first := areas.First(k); sizes[areas.Root(k)] <= most {
			raster.Set(l.in[first : first+int(r.To-r.From)])
		}
	}
}

// erode returns the pixels whose surroundings of ±rx, ±ry are all in l; beyond the slice all is.
func (l layer) erode(rx, ry int) layer {
	return l.not().dilate(rx, ry).not()
}

func (l layer) not() layer {
	out := layer{l.w, l.h, make([]bool, len(l.in))}
	for i, in := range l.in {
		out.in[i] = !in
	}
	return out
}

// dilate returns the pixels with one of l within ±rx, ±ry.
func (l layer) dilate(rx, ry int) layer {
	across := layer{l.w, l.h, make([]bool, len(l.in))}
	for y := range l.h {
		widen(across.in[y*l.w:], l.in[y*l.w:], l.w, 1, rx)
	}
	out := layer{l.w, l.h, make([]bool, len(l.in))}
	for x := range l.w {
		widen(out.in[x:], across.in[x:], l.h, l.w, ry)
	}
	return out
}

// widen sets the r neighbours of each of n pixels that are step apart.
func widen(dst, src []bool, n, step, r int) {
	from := 0 // the first pixel that is not set yet
	for i := range n {
		if !src[i*step] {
			continue
		}
		for from = max(from, i-r); from <= min(i+r, n-1); from++ {
			dst[from*step] = true
		}
	}
}
