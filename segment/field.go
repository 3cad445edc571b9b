package segment

import (
	"math"
	"slices"

	"github.com/suyashkumar/dicom/pkg/tag"
)

const (
	fieldSide   = 256  // the search works on a picture of at most this side
	leastBorder = 0.02 // of the frame; a smaller border is not worth a mistake
	leastField  = 0.10 // of the frame; a smaller field is not believed
	leastFill   = 0.93 // of its bounding rotated rectangle the field must fill
	leastDark   = 0.97 // of what is cut off must be unexposed

	// fillTolerance is how much less of it a field at a higher level may fill.
	fillTolerance = 0.005
)

// darkParts are the parts of the range above the darkest value below which a border
// counts as unexposed, tried in this order up to the first that leaves no field: a
// border must begin with values that are dark beyond doubt. The higher ones take in
// scatter and penumbra; the rectangle tells whether they take in anatomy too: an edge
// of the collimator stays straight, a body's does not. Chosen on 16 radiographs.
var darkParts = []float32{0.03, 0.06, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40}

// field finds the exposed field of a canonical picture (open beam bright).
func (c Config) field(m *Image, pix []float32) (Mask, FieldRecord) {
	field := make(Mask, len(pix))
	for i := range field {
		field[i] = true
	}
	record := FieldRecord{Method: "none", Fraction: 1}
	if c.WholeFrame {
		return field, record
	}
	if m.maskByAttributes(field) {
		record.Method = "attributes"
	} else if maskByImage(field, pix, m.Rows, m.Columns) {
		record.Method = "image"
	}
	record.Fraction = float64(field.Count()) / float64(len(field))
	return field, record
}

// maskByAttributes clears what lies outside a rectangular shutter (PS3.3 C.7.6.11) or
// collimator (C.8.7.3); edges are 1-based rows and columns and belong to the outside.
func (m *Image) maskByAttributes(field Mask) bool {
	top, left, bottom, right := 0, 0, m.Rows, m.Columns
	found := false
	for _, shape := range []uint16{0x1600, 0x1700} {
		edge := func(element uint16, otherwise int) int {
			if v := m.integers(tag.Tag{Group: 0x0018, Element: shape + element}); len(v) == 1 {
				return v[0]
			}
			return otherwise
		}
		kinds, _ := m.values(tag.Tag{Group: 0x0018, Element: shape}).([]string)
		if !slices.Contains(kinds, "RECTANGULAR") {
			continue
		}
		found = true
		left, right = max(left, edge(2, 0)), min(right, edge(4, m.Columns+1)-1)
		top, bottom = max(top, edge(6, 0)), min(bottom, edge(8, m.Rows+1)-1)
	}
	kept := float64(max(0, bottom-top)) * float64(max(0, right-left)) / float64(len(field))
	if !found || kept < leastField || kept == 1 {
		return false
	}
	for i := range field {
		r, k := i/m.Columns, i%m.Columns
		field[i] = r >= top && r < bottom && k >= left && k < right
	}
	return true
}

// maskByImage clears an unexposed border: flat, dark (or else white, where software
// filled it), connected to the frame's edge and limited by a (possibly rotated)
// rectangle. In doubt it clears nothing.
func maskByImage(field Mask, pix []float32, rows, cols int) bool {
	small, h, w := shrink(pix, rows, cols)
	q := quantiles(small, 0.001, 0.999)
	if !(q[1] > q[0]) {
		return false
	}
	var hull []point
	fill := leastFill
	for _, part := range darkParts {
		found, filled := unexposed(small, h, w, q[0]+part*(q[1]-q[0]))
		if found == nil || filled < fill {
			break
		}
		hull, fill = found, max(fill, filled-fillTolerance)
	}
	if hull == nil {
		hull = padded(small, h, w, q)
	}
	if hull == nil {
		return false
	}
	sy, sx := float64(h)/float64(rows), float64(w)/float64(cols)
	parallel(rows, func(r int) {
		for k := range cols {
			x, y := (float64(k)+0.5)*sx-0.5, (float64(r)+0.5)*sy-0.5
			field[r*cols+k] = within(hull, x, y, 0.5)
		}
	})
	return true
}

// unexposed is the hull of what is left without the border ≤ level, nil where that is
// no believable field, and how much of the rectangle around it the hull fills.
func unexposed(small []float32, h, w int, level float32) (hull []point, filled float64) {
	border := flood(small, h, w, level)
	hull = convexHull(exposed(border, h, w))
	if len(hull) < 3 {
		return nil, 0
	}
	inside := make(Mask, h*w)
	cut, dark := 0, 0
	for i := range inside {
		if inside[i] = within(hull, float64(i%w), float64(i/w), 0.5); !inside[i] {
			cut++
			if border[i] {
				dark++
			}
		}
	}
	total := float64(h * w)
	if float64(cut) < leastBorder*total || total-float64(cut) < leastField*total ||
		float64(dark) < leastDark*float64(cut) {
		return nil, 0
	}
	return hull, rectangularity(hull, inside, h, w)
}

// shrink averages pix down to at most fieldSide a side.
func shrink(pix []float32, rows, cols int) (small []float32, h, w int) {
	f := float64(fieldSide) / float64(max(rows, cols, fieldSide))
	h, w = max(1, int(float64(rows)*f)), max(1, int(float64(cols)*f))
	g := Geometry{Rows: rows, Columns: cols, Height: h, Width: w}
	return g.down(pix, -math.MaxFloat32, math.MaxFloat32), h, w
}

// flood marks pixels ≤ level that are connected to the frame's edge.
func flood(v []float32, h, w int, level float32) Mask {
	out := make(Mask, h*w)
	var stack []int
	visit := func(y, x int) {
		if i := y*w + x; y >= 0 && y < h && x >= 0 && x < w && !out[i] && v[i] <= level {
			out[i] = true
			stack = append(stack, i)
		}
	}
	for y := range h {
		visit(y, 0)
		visit(y, w-1)
	}
	for x := range w {
		visit(0, x)
		visit(h-1, x)
	}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		y, x := i/w, i%w
		visit(y-1, x)
		visit(y+1, x)
		visit(y, x-1)
		visit(y, x+1)
	}
	return out
}

type point struct{ x, y float64 }

// exposed are the outermost pixels of every row that are not border, in regions of at
// least 0.5 % of the frame: lead markers and scattered pixels do not stretch the field.
func exposed(border Mask, h, w int) []point {
	label := make([]uint8, len(border))
	for i, b := range border {
		if b {
			label[i] = 1
		}
	}
	runs, _ := connectedRuns(label, h, w)
	area := make(map[int32]int)
	for i := range runs {
		area[root(runs, int32(i))] += int(runs[i].to - runs[i].from)
	}
	var out []point
	for i, r := range runs {
		if label[int(r.row)*w+int(r.from)] == 0 && area[root(runs, int32(i))]*200 >= h*w {
			y := float64(r.row)
			out = append(out, point{float64(r.from), y}, point{float64(r.to - 1), y})
		}
	}
	return out
}

func cross(o, a, b point) float64 { return (a.x-o.x)*(b.y-o.y) - (a.y-o.y)*(b.x-o.x) }

// convexHull is Andrew's monotone chain, counter-clockwise.
func convexHull(p []point) []point {
	slices.SortFunc(p, func(a, b point) int {
		if a.x != b.x {
			return int(math.Copysign(1, a.x-b.x))
		}
		return int(a.y - b.y)
	})
	var hull []point
	for pass := range 2 {
		base := len(hull)
		for _, q := range p {
			for len(hull) >= base+2 && cross(hull[len(hull)-2], hull[len(hull)-1], q) <= 0 {
				hull = hull[:len(hull)-1]
			}
			hull = append(hull, q)
		}
		hull = hull[:len(hull)-1]
		if pass == 0 {
			slices.Reverse(p)
		}
	}
	return hull
}

// within reports whether (x, y) lies in the hull or within margin of it.
func within(hull []point, x, y, margin float64) bool {
	for i, a := range hull {
		b := hull[(i+1)%len(hull)]
		if cross(a, b, point{x, y}) < -margin*math.Hypot(b.x-a.x, b.y-a.y) {
			return false
		}
	}
	return true
}

// rectangularity is the part of the hull's smallest bounding rectangle, as far as it
// lies in the frame, that the hull fills.
func rectangularity(hull []point, inside Mask, h, w int) float64 {
	best := 0.0
	filled := float64(inside.Count())
	for i, a := range hull {
		b := hull[(i+1)%len(hull)]
		l := math.Hypot(b.x-a.x, b.y-a.y)
		if l < 4 {
			continue
		}
		ux, uy := (b.x-a.x)/l, (b.y-a.y)/l
		u0, u1, v0, v1 := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
		for _, p := range hull {
			u, v := p.x*ux+p.y*uy, p.y*ux-p.x*uy
			u0, u1, v0, v1 = min(u0, u), max(u1, u), min(v0, v), max(v1, v)
		}
		n := 0.0
		for k := range inside {
			x, y := float64(k%w), float64(k/w)
			if u, v := x*ux+y*uy, y*ux-x*uy; u >= u0-.5 && u <= u1+.5 && v >= v0-.5 && v <= v1+.5 {
				n++
			}
		}
		best = max(best, filled/n)
	}
	return best
}
