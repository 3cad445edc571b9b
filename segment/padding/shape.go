package padding

import (
	"math"

	"dicomnode/internal/raster"
)

const (
	minRun      = 16    // pixels along a row or column that make a straight border, at least
	runPart     = 0.04  // of the shorter side, likewise
	straightEnd = 0.9   // of a border must lie in such runs
	hullEnd     = 0.95  // of a border must lie on the hull of what is shown
	hullReach   = 1.5   // pixels from the hull that count as on it
	maxSides    = 12    // of a polygon; a curve has more
	sideReach   = 1.0   // pixels that a polygon's side may pass its corners
	roundness   = 0.015 // of the radius: what a circle's points may differ
)

// shape describes the part of the picture that is not covered by large patches of padding.
type shape struct {
	rows, cols int
	patch      []int32        // root of the large patch of each pixel, −1 where something is shown
	hull       []raster.Point // of what is shown
	smooth     bool           // the hull is a polygon of few sides or a circle
}

func newShape(patches *raster.Regions, large map[int]bool, rows, cols int) *shape {
	s := &shape{rows: rows, cols: cols, patch: make([]int32, rows*cols)}
	for i, r := range patches.Runs {
		root := int32(patches.Root(i))
		if !large[int(root)] {
			root = -1
		}
		first := patches.First(i)
		for k := first; k < first+int(r.To-r.From); k++ {
			s.patch[k] = root
		}
	}
	s.hull = raster.Hull(s.outermost())
	s.smooth = sides(s.hull) <= maxSides || s.round()
	return s
}

// outermost are the first and last shown pixel of every row, by their corners.
func (s *shape) outermost() (out []raster.Point) {
	for y := range s.rows {
		first, last := -1, -1
		for x, root := range s.patch[y*s.cols:][:s.cols] {
			if root < 0 {
				if first < 0 {
					first = x
				}
				last = x
			}
		}
		if first >= 0 {
			for _, dy := range []float64{0, 1} {
				out = append(out, raster.Point{X: float64(first), Y: float64(y) + dy}, raster.Point{X: float64(last + 1), Y: float64(y) + dy})
			}
		}
	}
	return out
}

// side is a border between a padded and a shown pixel: a step of 1 along a row (across) or a
// column.
type side struct {
	line, at int
	across   bool
}

// fill reports whether straight borders or a circle limit a patch.
func (s *shape) fill(root int) bool {
	borders := s.borders(int32(root))
	if len(borders) == 0 {
		return true // nothing but the frame limits it
	}
	if s.straight(borders) >= straightEnd*float64(len(borders)) {
		return true
	}
	return s.smooth && s.onHull(borders) >= hullEnd*float64(len(borders))
}

// borders are the sides of a patch, those along rows first, each kind in order.
func (s *shape) borders(root int32) (out []side) {
	at := func(y, x int) int32 { return s.patch[y*s.cols+x] }
	meet := func(a, b int32) bool { return a == root && b < 0 || b == root && a < 0 }
	for y := 1; y < s.rows; y++ {
		for x := range s.cols {
			if meet(at(y-1, x), at(y, x)) {
				out = append(out, side{y, x, true})
			}
		}
	}
	for x := 1; x < s.cols; x++ {
		for y := range s.rows {
			if meet(at(y, x-1), at(y, x)) {
				out = append(out, side{x, y, false})
			}
		}
	}
	return out
}

// straight is how much of the borders lies in long runs along rows or columns.
func (s *shape) straight(borders []side) (long float64) {
	least := max(minRun, int(runPart*float64(min(s.rows, s.cols))))
	for i := 0; i < len(borders); {
		k := i + 1
		for k < len(borders) && borders[k] == (side{borders[i].line, borders[i].at + k - i, borders[i].across}) {
			k++
		}
		if k-i >= least {
			long += float64(k - i)
		}
		i = k
	}
	return long
}

// onHull is how many borders lie on the hull of what is shown.
func (s *shape) onHull(borders []side) (n float64) {
	for _, b := range borders {
		p := raster.Point{X: float64(b.line), Y: float64(b.at) + 0.5}
		if b.across {
			p = raster.Point{X: float64(b.at) + 0.5, Y: float64(b.line)}
		}
		for i, a := range s.hull {
			c := s.hull[(i+1)%len(s.hull)]
			if math.Abs(raster.Cross(a, c, p)) <= hullReach*math.Hypot(c.X-a.X, c.Y-a.Y) {
				n++
				break
			}
		}
	}
	return n
}

// sides is how many sides a hull has when corners are left out that others nearly span.
func sides(hull []raster.Point) int {
	n := 0
	for from := 0; from < len(hull); n++ {
		to := from + 1
		for to+1 <= len(hull) && spans(hull, from, to+1) {
			to++
		}
		from = to
	}
	return n
}

// spans reports whether the line between two corners passes near all between them.
func spans(hull []raster.Point, from, to int) bool {
	a, b := hull[from], hull[to%len(hull)]
	length := math.Hypot(b.X-a.X, b.Y-a.Y)
	for _, p := range hull[from+1 : min(to, len(hull))] {
		if math.Abs(raster.Cross(a, b, p)) > sideReach*length {
			return false
		}
	}
	return true
}

// round reports whether the hull, where it is not the frame, is a circle that is seen from three
// sides at least, as that of an image intensifier is.
func (s *shape) round() bool {
	var points []raster.Point
	for _, p := range s.hull {
		if p.X > 1 && p.Y > 1 && p.X < float64(s.cols-1) && p.Y < float64(s.rows-1) {
			points = append(points, p)
		}
	}
	if len(points) < 8 {
		return false
	}
	centre, radius := circle(points)
	quadrants := map[[2]bool]bool{}
	for _, p := range points {
		if math.Abs(math.Hypot(p.X-centre.X, p.Y-centre.Y)-radius) > max(hullReach, roundness*radius) {
			return false
		}
		quadrants[[2]bool{p.X > centre.X, p.Y > centre.Y}] = true
	}
	return len(quadrants) >= 3
}

// circle fits a circle by least squares to x² + y² = 2ax + 2by + c (Kåsa).
func circle(points []raster.Point) (centre raster.Point, radius float64) {
	var m raster.Point
	n := float64(len(points))
	for _, p := range points {
		m.X, m.Y = m.X+p.X/n, m.Y+p.Y/n
	}
	var xx, xy, yy, xz, yz, z float64
	for _, p := range points {
		x, y := p.X-m.X, p.Y-m.Y
		r := x*x + y*y
		xx, xy, yy, xz, yz, z = xx+x*x, xy+x*y, yy+y*y, xz+x*r, yz+y*r, z+r
	}
	det := 2 * (xx*yy - xy*xy)
	if det == 0 {
		return m, 0
	}
	a, b := (xz*yy-yz*xy)/det, (yz*xx-xz*xy)/det
	return raster.Point{X: m.X + a, Y: m.Y + b}, math.Sqrt(a*a + b*b + z/n)
}
