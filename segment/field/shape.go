package field

import (
	"math"
	"slices"

	"dicomnode/internal/raster"
)

// shapeParts are shares of the range, tried as the level of a border that encloses the field on
// several sides. The level that gives the most rectangular field is used.
var shapeParts = []float32{0.04, 0.08, 0.13, 0.2, 0.28, 0.36, 0.44, 0.52, 0.6}

const (
	shapeFill = 0.90 // of the rectangle the field must fill
	whiteFill = 0.97 // the same if a side borders on white
	whiteSide = 0.80 // share of the pixels outside a side that are white if software drew it
	maxSpread = 0.3  // of the range: the greatest variation of a large border
	fewTilt   = 0.09 // greatest angle to the frame, in radians, if there are only two sides
	shapeRim  = 2.5  // distance from the frame, in pixels, above which a side is in the picture
)

// cutShape cuts the field to a rotated rectangle that a grey border encloses. The border need
// not be dark: two or more sides at right angles that are straight and steep along their length
// cannot be the outline of a body.
func (s *search) cutShape() bool {
	reached := s.reached()
	found := make([]rectangle, len(shapeParts))
	raster.Parallel(len(found), func(k int) {
		if hull := enclosed(reached, k, s.h, s.w); len(hull) >= 3 {
			found[k] = s.rectangle(hull)
		}
	})
	var best []border
	most := shapeFill
	for _, r := range found {
		if r.fill > most && s.sidesHold(r.sides, r.fill) {
			best, most = r.sides, r.fill
		}
	}
	for i := range best {
		best[i] = s.placed(best, i)
	}
	for _, b := range best {
		s.cut(b)
	}
	return best != nil
}

// reached returns, for each pixel, the number of the first of shapeParts at which it is connected
// to the frame's edge by pixels at most so bright; len(shapeParts) if it never is. White pixels
// and those outside the field count as darkest.
func (s *search) reached() []uint8 {
	v := make([]float32, len(s.v))
	for i := range v {
		if v[i] = s.v[i]; s.nearWhite()[i] || !s.in[i] {
			v[i] = s.low
		}
	}
	levels := make([]float32, len(shapeParts))
	for k, p := range shapeParts {
		levels[k] = s.part(p)
	}
	return floods(v, s.h, s.w, levels)
}

// enclosed returns the hull of the field without the pixels that are reached up to level k; nil
// if they are too many or too few.
func enclosed(reached []uint8, k, h, w int) []raster.Point {
	label, left := make([]uint8, len(reached)), len(reached)
	for i, first := range reached {
		if int(first) <= k {
			label[i] = 1
			left--
		}
	}
	if float64(left) < minField*float64(len(label)) || float64(left) > 0.97*float64(len(label)) {
		return nil
	}
	return raster.Hull(outermost(label, h, w))
}

// outermost returns the outermost pixels of every row that are not border, which label marks
// with 1. It uses regions of at least 2 % of the frame only, so that lead markers and scattered
// pixels are ignored.
func outermost(label []uint8, h, w int) []raster.Point {
	runs := raster.Connect(label, h, w)
	area := runs.Areas()
	var out []raster.Point
	for i, r := range runs.Runs {
		if label[runs.First(i)] == 0 && area[runs.Root(i)]*50 >= h*w {
			y := float64(r.Row)
			out = append(out, raster.Point{X: float64(r.From), Y: y}, raster.Point{X: float64(r.To - 1), Y: y})
		}
	}
	return out
}

// rectangle is a rotated rectangle: its sides inside the picture, and the filled share of its
// area inside the picture.
type rectangle struct {
	sides []border
	fill  float64
}

// rectangle returns the rectangle around hull with the greatest filled share.
func (s *search) rectangle(hull []raster.Point) (best rectangle) {
	filled := s.area(hullBorders(hull))
	for i, a := range hull {
		b := hull[(i+1)%len(hull)]
		l := math.Hypot(b.X-a.X, b.Y-a.Y)
		if l < 8 {
			continue
		}
		ux, uy := (b.X-a.X)/l, (b.Y-a.Y)/l
		four := []border{{-uy, ux, math.Inf(1)}, {uy, -ux, math.Inf(1)}, {ux, uy, math.Inf(1)}, {-ux, -uy, math.Inf(1)}}
		for k := range four {
			for _, p := range hull {
				four[k].d = min(four[k].d, four[k].nx*p.X+four[k].ny*p.Y)
			}
		}
		if f := filled / s.area(four); f > best.fill {
			best = rectangle{four, f}
		}
	}
	best.sides = slices.DeleteFunc(best.sides, func(b border) bool { return !s.crosses(b) })
	return best
}

func hullBorders(hull []raster.Point) (out []border) {
	for i, a := range hull {
		b := hull[(i+1)%len(hull)]
		if l := math.Hypot(b.X-a.X, b.Y-a.Y); l > 0 {
			n := border{-(b.Y - a.Y) / l, (b.X - a.X) / l, 0}
			n.d = n.nx*a.X + n.ny*a.Y
			out = append(out, n)
		}
	}
	return out
}

// area counts the picture's pixels inside all of b, with a tolerance of half a pixel.
func (s *search) area(b []border) (n float64) {
	wider := make([]border, len(b))
	for i := range b {
		wider[i] = b[i].shifted(-0.5)
	}
	for y := range s.h {
		first, last := rowSpan(wider, float64(y), 1, s.w)
		n += float64(last - first)
	}
	return max(n, 1)
}

// crosses reports whether more than the rim of the picture is outside b.
func (s *search) crosses(b border) bool {
	n := 0
	for _, p := range [][2]float64{{0, 0}, {float64(s.w - 1), 0}, {0, float64(s.h - 1)}, {float64(s.w - 1), float64(s.h - 1)}} {
		if b.distance(p[0], p[1]) < -shapeRim {
			n++
		}
	}
	return n > 0
}

// within returns s with the field limited to all sides except the k-th.
func (s *search) within(sides []border, k int) *search {
	t := *s
	t.in = slices.Clone(s.in)
	others := slices.Delete(slices.Clone(sides), k, k+1)
	for y := range s.h {
		row := t.in[y*s.w : (y+1)*s.w]
		first, last := rowSpan(others, float64(y), 1, s.w)
		clear(row[:first])
		clear(row[last:])
	}
	return &t
}

// sidesHold reports whether the sides can be those of a field: two or more, not all parallel,
// each a step up along its length or a sharp limit of white. Two sides alone, which occur at a
// corner between body and frame too, must be stronger and parallel to the frame.
func (s *search) sidesHold(sides []border, fill float64) bool {
	corner := false
	few := len(sides) < 3
	for i, b := range sides {
		t := s.within(sides, i)
		if few && (min(math.Abs(b.nx), math.Abs(b.ny)) > fewTilt || fill < 0.95) {
			return false
		}
		if t.bordersWhite(b) {
			if fill < whiteFill {
				return false
			}
		} else if e := t.darkEdge(t.steepest(b)); !e.holds(few) || e.area > 0.1 && t.spread(e.border) > maxSpread {
			return false
		}
		corner = corner || i > 0 && math.Abs(b.nx*sides[0].nx+b.ny*sides[0].ny) < 0.1
	}
	return corner
}

// holds reports whether e can be a side of a rectangle. few says that the rectangle has only
// two sides.
func (e darkEdge) holds(few bool) bool {
	if e.steep < 0.05 || e.back > 2*maxBack {
		return false
	}
	if few {
		return e.support >= 0.95 && e.weakest >= 0.6 && e.below >= 0.9 && e.rise >= 0.1
	}
	return e.support >= 0.85 && e.weakest >= 0.25 && e.below >= 0.75 && e.rise >= 0.06
}

// spread returns the range between the 10th and 90th percentile outside b, relative to the
// picture's. It is large if anatomy is outside.
func (s *search) spread(b border) float64 {
	var v []float32
	for i, in := range s.in {
		if in && !s.nearWhite()[i] && b.distance(float64(i%s.w), float64(i/s.w)) < -voteReach {
			v = append(v, s.v[i])
		}
	}
	slices.Sort(v)
	if len(v) < 10 {
		return 0
	}
	return float64((v[len(v)*9/10] - v[len(v)/10]) / (s.high - s.low))
}

// bordersWhite reports whether nearly all pixels just outside b are white, and the field starts
// sharply.
func (s *search) bordersWhite(b border) bool {
	if s.whiteAlong(b.shifted(-3)) < whiteSide || s.whiteAlong(b.shifted(3)) > 1-whiteSide {
		return false
	}
	var near, far []float32
	s.along(b.shifted(voteReach), 2, func(_, x, y float64) {
		v, _ := s.at(x, y)
		if w, ok := s.at(x+3*voteReach*b.nx, y+3*voteReach*b.ny); ok {
			near, far = append(near, s.high-v), append(far, s.high-w)
		}
	})
	return median(near) > whiteSharp*median(far)
}

// whiteAlong returns the share of white pixels along b.
func (s *search) whiteAlong(b border) float64 {
	n, white := 0, 0
	s.along(b, 1, func(_, x, y float64) {
		n++
		if s.nearWhite()[int(y+0.5)*s.w+int(x+0.5)] {
			white++
		}
	})
	return float64(white) / max(1, float64(n))
}

// placed returns the k-th side, moved to its steepest position and then to the end of the
// penumbra.
func (s *search) placed(sides []border, k int) border {
	t := s.within(sides, k)
	if t.bordersWhite(sides[k]) {
		return sides[k].shifted(-0.5)
	}
	e := t.darkEdge(t.steepest(sides[k]))
	return e.border.shifted(e.foot)
}
