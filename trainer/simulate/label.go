package simulate

import "math"

func (s *sheet) labelTissue() {
	s.body = make([]bool, len(s.label))
	for i := range s.label {
		s.body[i] = s.skin.v[i] > .9
		switch {
		case s.bone.v[i] > .7:
			s.label[i], s.body[i] = labelBone, true
		case s.body[i]:
			s.label[i] = labelSoft
		}
	}
}

// hideInvisible relabels skin as open beam where the processing left nothing of it: soft tissue, reached
// from the open beam over such pixels only, that differs from the air nearby by less than the noise.
func (s *sheet) hideInvisible() {
	lo, hi := s.pic.bounds()
	air, weight := newPlane(s.w, s.h), newPlane(s.w, s.h)
	for i, l := range s.label {
		if l == labelOpen && !s.outside[i] {
			air.v[i], weight.v[i] = s.pic.v[i], 1
		}
	}
	a, w, p := s.blur(air, 9), s.blur(weight, 9), s.blur(s.pic, .7)
	spread, n := 0.0, 0.0
	for i := range p.v {
		if weight.v[i] > 0 && w.v[i] > .3 {
			e := float64(p.v[i] - a.v[i]/w.v[i])
			spread, n = spread+e*e, n+1
		}
	}
	if n == 0 {
		return
	}
	least := max(float32(math.Sqrt(spread/n)), .015*(hi-lo))
	var queue []int
	for i, l := range s.label {
		if l == labelOpen {
			queue = append(queue, i)
		}
	}
	for k := 0; k < len(queue); k++ {
		for _, j := range neighbours(queue[k], s.w, s.h) {
			if j >= 0 && s.label[j] == labelSoft && w.v[j] > .002 && abs32(p.v[j]-a.v[j]/w.v[j]) < least {
				s.label[j] = labelOpen
				queue = append(queue, j)
			}
		}
	}
}

func abs32(x float32) float32 { return max(x, -x) }
