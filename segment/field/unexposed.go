package field

import (
	"math"
	"slices"

	"dicomnode/internal/raster"
)

// plausible reports whether e is an edge of the unexposed border. An edge that cuts off more
// needs stronger evidence.
func (e darkEdge) plausible(s *search) bool {
	if float64(e.chord) < minChord*float64(min(s.h, s.w)) || e.support < 0.85 || e.weakest < 0.5 {
		return false
	}
	if e.below < 0.8 || e.rise < 0.08 || e.back > maxBack || e.white > 0.6 {
		return false
	}
	if e.steep < 0.15 && e.ends < 0.75 {
		return false
	}
	switch {
	case e.area < 0.05:
		return e.support > 0.9 && e.steep > 0.05 && s.aligned(e.border) && !s.repeated(e.border)
	case e.area < 0.25:
		return e.dark > 0.6 && e.below > 0.93
	}
	return e.dark > 0.85 && e.below > 0.93
}

// aligned reports whether b is parallel or at right angles to the frame or to a border already
// found, within a few degrees.
func (s *search) aligned(b border) bool {
	for _, o := range append([]border{{1, 0, 0}}, s.borders...) {
		if a := math.Abs(o.nx*b.nx + o.ny*b.ny); a < 0.07 || a > 0.9975 {
			return true
		}
	}
	return false
}

// repeated reports whether a dark edge was already found on b's side.
func (s *search) repeated(b border) bool {
	return slices.ContainsFunc(s.borders[s.whiteBorders:], func(o border) bool {
		a := o.nx*b.nx + o.ny*b.ny
		return a > 0.9 && a < 0.9995
	})
}

// cutDark cuts the field at its dark edges, the steepest first.
func (s *search) cutDark() bool {
	least := minStep * 2 * (s.high - s.low)
	stepX, stepY := s.steps(func(i int) float32 { return s.v[i] / least })
	lines := s.sharpened(candidates(stepX, stepY, s.h, s.w))
	found := false
	for range 12 {
		edges := make([]darkEdge, len(lines))
		raster.Parallel(len(lines), func(i int) { edges[i] = s.darkEdge(lines[i]) })
		best, most := darkEdge{}, math.Inf(-1)
		for _, e := range edges {
			if weight := e.steep * float64(e.chord); e.plausible(s) && weight > most {
				best, most = e, weight
			}
		}
		if math.IsInf(most, -1) {
			return found
		}
		found = true
		s.cut(best.border.shifted(best.foot))
	}
	return found
}

// sharpened moves every candidate to the steepest line near it, and keeps one of those that
// coincide.
func (s *search) sharpened(lines []candidate) (out []border) {
	moved := make([]border, len(lines))
	raster.Parallel(len(lines), func(i int) { moved[i] = s.steepest(lines[i].border(s.h, s.w)) })
	for _, b := range moved {
		near := func(o border) bool {
			return o.nx*b.nx+o.ny*b.ny > 0.9995 && math.Abs(o.distance(float64(s.w)/2, float64(s.h)/2)-b.distance(float64(s.w)/2, float64(s.h)/2)) < 2
		}
		if !slices.ContainsFunc(out, near) {
			out = append(out, b)
		}
	}
	return out
}

// steepest moves and turns b by hill climbing to the line that is steep along most of its
// length.
func (s *search) steepest(b border) border {
	cx, cy := float64(s.w)/2, float64(s.h)/2
	half := math.Hypot(cx, cy) / 2
	best := s.steepness(b)
	for step := 4.0; step >= 0.5; step /= 2 {
		for again := true; again; {
			again = false
			for _, m := range [][2]float64{{step, 0}, {-step, 0}, {0, step}, {0, -step}} {
				o := b.moved(cx, cy, m[0], m[1]/half)
				if v := s.steepness(o); v > best {
					b, best, again = o, v, true
				}
			}
		}
	}
	return b
}

// moved shifts b by d and turns it by a radians about its point nearest (cx, cy).
func (b border) moved(cx, cy, d, a float64) border {
	off := b.distance(cx, cy) - d
	px, py := cx-off*b.nx, cy-off*b.ny
	sin, cos := math.Sincos(a)
	o := border{nx: b.nx*cos - b.ny*sin, ny: b.nx*sin + b.ny*cos}
	o.d = o.nx*px + o.ny*py
	return o
}

// steepness returns the lower third of the steps across b, weighted by the usable share of b.
func (s *search) steepness(b border) float64 {
	var room [2 * fieldSide]float32
	steps := room[:0]
	s.along(b, 2, func(_, x, y float64) {
		out, ok1 := s.at(x-voteReach*b.nx, y-voteReach*b.ny)
		in, ok2 := s.at(x+voteReach*b.nx, y+voteReach*b.ny)
		if ok1 && ok2 && max(in, out) > s.part(voidPart) {
			steps = append(steps, in-out)
		}
	})
	if len(steps) < 16 {
		return 0
	}
	return float64(raster.Nth(steps, len(steps)/3)) * math.Sqrt(float64(len(steps)))
}
