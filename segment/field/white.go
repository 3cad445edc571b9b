package field

import (
	"math"
	"slices"

	"dicomnode/segment/picture"
)

const (
	whitePart   = 0.01  // white: within this part of the range below the brightest
	whiteTilt   = 0.06  // greatest deviation of two white edges from a right angle, in radians
	whiteRest   = 0.002 // greatest share of the remaining field that may be white and connected to the frame's edge
	whiteBorder = 0.97  // least share of the removed area that must be white
	whiteRim    = 4     // pixels along the frame's edge that are ignored for this
	whiteSharp  = 0.75  // least share of the step within voteReach pixels
)

// cutWhite removes a border that software filled with white around a (rotated) rectangle. Open
// beam clipped to white looks the same except for its edges: the outline of a body is seldom
// straight, not a rectangle, not convex, and gradual. All four criteria are required; in doubt
// nothing is removed.
func (s *search) cutWhite() bool {
	level := s.white()
	shown := &search{v: make([]float32, len(s.v)), h: s.h, w: s.w, high: 1, in: s.in}
	for i, v := range s.v {
		if v < level {
			shown.v[i] = 1
		}
	}
	before := *s
	before.in = slices.Clone(s.in)
	stepX, stepY := shown.steps(func(i int) float32 { return shown.v[i] })
	lines := shown.sharpened(candidates(stepX, stepY, s.h, s.w))
	for range 8 {
		var best border
		most := 0
		for _, b := range lines {
			if chord := s.whiteEdge(b, shown); chord > most && s.rightAngles(b) {
				best, most = b, chord
			}
		}
		if most == 0 {
			break
		}
		s.cut(best.shifted(1))
		s.whiteBorders++
	}
	if len(s.borders) == 0 {
		return false
	}
	if s.leavesWhite(level) {
		*s = before
		return false
	}
	return true
}

// white returns the least value that counts as white.
func (s *search) white() float32 { return s.high - whitePart*(s.high-s.low) }

// whiteEdge returns the length of b's chord if everything outside b, and nothing along its
// inner side, is white, else 0. shown is 1 where s is not white.
func (s *search) whiteEdge(b border, shown *search) (chord int) {
	up := 0
	var near, far []float32
	s.along(b, 1, func(_, x, y float64) {
		out, _ := shown.at(x-voteReach*b.nx, y-voteReach*b.ny)
		in, ok := shown.at(x+voteReach*b.nx, y+voteReach*b.ny)
		if !ok || in < 0.5 && out < 0.5 {
			return
		}
		chord++
		if out < 0.5 && in > 0.5 {
			up++
		}
		v, _ := s.at(x+voteReach*b.nx, y+voteReach*b.ny)
		if w, ok := s.at(x+4*voteReach*b.nx, y+4*voteReach*b.ny); ok {
			near, far = append(near, s.high-v), append(far, s.high-w)
		}
	})
	if float64(chord) < minChord*float64(min(s.h, s.w)) || float64(up) < 0.97*float64(chord) {
		return 0
	}
	if !(median(near) > whiteSharp*median(far)) {
		return 0
	}
	cut, white := 0.0, 0.0
	for i := range s.beyond(b) {
		cut++
		if shown.v[i] == 0 {
			white++
		}
	}
	if white < whiteBorder*cut {
		return 0
	}
	return chord
}

// rightAngles reports whether b is parallel or at right angles to the other borders, or, if it
// is the first, to the frame or to the remaining edges of a rotated rectangle.
func (s *search) rightAngles(b border) bool {
	for _, o := range s.borders {
		if a := math.Abs(o.nx*b.nx + o.ny*b.ny); a > math.Sin(whiteTilt) && a < math.Cos(whiteTilt) {
			return false
		}
	}
	return true
}

// leavesWhite reports whether white that is connected to the frame's edge remains in the field,
// or the remaining field is not rectangular enough.
func (s *search) leavesWhite(level float32) bool {
	inverse := make([]float32, len(s.v))
	for i, v := range s.v {
		inverse[i] = -v
	}
	field, white := 0.0, 0.0
	for i, reached := range flood(inverse, s.h, s.w, -level) {
		x, y := i%s.w, i/s.w
		if !s.deep(x, y) || x < whiteRim || y < whiteRim || x >= s.w-whiteRim || y >= s.h-whiteRim {
			continue
		}
		field++
		if reached {
			white++
		}
	}
	if len(s.borders) < 3 {
		for _, b := range s.borders {
			if min(math.Abs(b.nx), math.Abs(b.ny)) > math.Sin(whiteTilt) {
				return true
			}
		}
	}
	return white > whiteRest*field || field < minField*float64(len(s.in))
}

// deep reports whether (x, y) is in the field, and not next to one of its borders.
func (s *search) deep(x, y int) bool {
	return !slices.ContainsFunc(s.borders, func(b border) bool { return b.distance(float64(x), float64(y)) < whiteRim })
}

// nearWhite marks white pixels and their neighbours, which are partly white.
func (s *search) nearWhite() picture.Mask {
	if s.nearWhiteMask != nil {
		return s.nearWhiteMask
	}
	s.nearWhiteMask = make(picture.Mask, len(s.v))
	for i, v := range s.v {
		if v < s.white() {
			continue
		}
		for y := max(0, i/s.w-1); y <= min(s.h-1, i/s.w+1); y++ {
			for x := max(0, i%s.w-1); x <= min(s.w-1, i%s.w+1); x++ {
				s.nearWhiteMask[y*s.w+x] = true
			}
		}
	}
	return s.nearWhiteMask
}
