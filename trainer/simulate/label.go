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
// from the open beam over such pixels only, that differs from the air nearby by less than the noise. Where
// hidden and shown pixels mix, the border is anyone's guess and is ignored.
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
	shown := make([]bool, len(s.label)) // soft tissue that stands out from the air nearby
	for i, l := range s.label {
		shown[i] = l != labelSoft || w.v[i] <= .002 || abs32(p.v[i]-a.v[i]/w.v[i]) >= least
	}
	s.keepPadding(shown)
	hidden := s.spread(labelOpen, func(i int) bool { return !shown[i] })
	share := newPlane(s.w, s.h)
	for _, i := range hidden {
		s.label[i], share.v[i] = labelOpen, 1
	}
	for i, x := range s.blur(share, 2).v {
		if x > .2 && x < .8 && (s.label[i] == labelSoft || share.v[i] > 0) {
			s.label[i] = labelIgnore
		}
	}
}

// spread returns the pixels of soft tissue that are reached from pixels labelled from over such that pass accepts.
func (s *sheet) spread(from uint8, pass func(int) bool) []int {
	var queue []int
	seen := make([]bool, len(s.label))
	for i, l := range s.label {
		if l == from {
			queue = append(queue, i)
		}
	}
	start := len(queue)
	for k := 0; k < len(queue); k++ {
		for _, j := range neighbours(queue[k], s.w, s.h) {
			if j >= 0 && !seen[j] && s.label[j] == labelSoft && pass(j) {
				seen[j] = true
				queue = append(queue, j)
			}
		}
	}
	return queue[start:]
}

func abs32(x float32) float32 { return max(x, -x) }
