package segment

import (
	"context"
	"math"
)

const (
	fieldSide   = 256   // the search works on a picture of at most this side
	leastBorder = 0.002 // of the frame; a smaller border is not worth a mistake
	leastField  = 0.10  // of the frame; a smaller field is not believed
)

// ExposedField finds the exposed field of a picture that has no header, as Run does:
// pix holds rows×cols values row by row in arbitrary units, open beam bright.
func (p *Pipeline) ExposedField(ctx context.Context, pix []float32, rows, cols int) (Mask, FieldRecord, error) {
	x, geo := CanonicalPicture(pix, rows, cols)
	return p.field(ctx, &Image{Rows: rows, Columns: cols}, pix, x, geo)
}

// field finds the exposed field of an image: what its header states, else what its straight
// borders in pix (open beam bright) and the network leave, which sees the canonical picture
// x made of pix. In doubt nothing is cut off.
func (p *Pipeline) field(ctx context.Context, m *Image, pix, x []float32, geo Geometry) (Mask, FieldRecord, error) {
	field, record := wholeFrame(len(pix)), FieldRecord{Method: "none", Fraction: 1}
	switch {
	case p.Config.WholeFrame:
		return field, record, nil
	case m.maskByAttributes(field):
		record.Method = "attributes"
	default:
		if maskByImage(field, pix, m.Rows, m.Columns) {
			record.Method = "image"
		}
		if p.Field == nil {
			break
		}
		answer, err := askField(ctx, p.Field, x, geo)
		if err != nil {
			return nil, record, err
		}
		record.Model = p.FieldDigest
		field, record.Method = answer.limit(field)
	}
	record.Fraction = float64(field.Count()) / float64(len(field))
	return field, record, nil
}

func wholeFrame(n int) Mask {
	m := make(Mask, n)
	for i := range m {
		m[i] = true
	}
	return m
}

// believed says whether a field is neither too small nor all but the whole frame.
func believed(field Mask) bool {
	part := float64(field.Count()) / float64(len(field))
	return part >= leastField && part <= 1-leastBorder
}

// maskByImage clears the unexposed border. In doubt it clears nothing.
func maskByImage(field Mask, pix []float32, rows, cols int) bool {
	small, h, w := shrink(pix, rows, cols)
	s := newSearch(small, h, w)
	if !(s.high > s.low) {
		return false
	}
	white := s.cutWhite()
	shape := s.cutShape()
	if dark := s.cutDark(); !white && !dark && !shape {
		return false
	}
	if !believed(s.in) {
		return false
	}
	sy, sx := float64(h)/float64(rows), float64(w)/float64(cols)
	parallel(rows, func(r int) {
		line := field[r*cols : (r+1)*cols]
		first, last := rowSpan(s.borders, (float64(r)+0.5)*sy-0.5, sx, cols)
		clear(line[:first])
		clear(line[last:])
	})
	return true
}

// rowSpan are the pixels [first, last) of a row of cols pixels, each step wide, that lie
// inside all borders; y is the row's place in the search picture.
func rowSpan(borders []border, y, step float64, cols int) (first, last int) {
	lo, hi := 0.0, float64(cols)
	for _, b := range borders {
		switch x := ((b.d-b.ny*y)/b.nx+0.5)/step - 0.5; {
		case math.Abs(b.nx) < 1e-9:
			if b.ny*y < b.d {
				return cols, cols
			}
		case b.nx > 0:
			lo = max(lo, math.Ceil(x))
		default:
			hi = min(hi, math.Floor(x)+1)
		}
	}
	if lo >= hi {
		return cols, cols
	}
	return int(lo), int(hi)
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
