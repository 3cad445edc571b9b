package radiograph

import (
	"math"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
)

func (s *Sheet) labelTissue() {
	s.label = Tissues(s.w, s.h, s.ray)
	s.body = make([]bool, len(s.label))
	for i, l := range s.label {
		s.body[i] = l != dataset.OpenBeam
	}
}

// ray returns the paths at pixel i. The marrow of a CT has lost its trabeculae to the mineral.
func (s *Sheet) ray(i int) Ray {
	spongy := float32(meanTrabeculae)
	if s.scanned {
		spongy = 0
	}
	return NewRay(s.skin.V[i], s.bone.V[i], s.marrow.V[i], spongy)
}

// hideInvisible relabels soft tissue as open beam if the processing has made it invisible: it
// differs from the air nearby by less than the noise, and is connected to the open beam through
// such pixels only. Where hidden and visible pixels are mixed, the border cannot be decided and
// pixels are not scored.
func (s *Sheet) hideInvisible() {
	lo, hi := s.pic.Bounds()
	air, weight := raster.New(s.w, s.h), raster.New(s.w, s.h)
	for i, l := range s.label {
		if l == dataset.OpenBeam && !s.outside[i] {
			air.V[i], weight.V[i] = s.pic.V[i], 1
		}
	}
	a, w, p := s.blur(air, 9), s.blur(weight, 9), s.blur(s.pic, .7)
	spread, n := 0.0, 0.0
	for i := range p.V {
		if weight.V[i] > 0 && w.V[i] > .3 {
			e := float64(p.V[i] - a.V[i]/w.V[i])
			spread, n = spread+e*e, n+1
		}
	}
	if n == 0 {
		return
	}
	least := max(float32(math.Sqrt(spread/n)), .015*(hi-lo))
	shown := make([]bool, len(s.label)) // soft tissue that differs from the air nearby
	for i, l := range s.label {
		shown[i] = l != dataset.SoftTissue || w.V[i] <= .002 || abs32(p.V[i]-a.V[i]/w.V[i]) >= least
	}
	s.keepPadding(shown)
	hidden := s.spread(dataset.OpenBeam, func(i int) bool { return !shown[i] })
	share := raster.New(s.w, s.h)
	for _, i := range hidden {
		s.label[i], share.V[i] = dataset.OpenBeam, 1
	}
	for i, x := range s.blur(share, 2).V {
		if x > .2 && x < .8 && (s.label[i] == dataset.SoftTissue || share.V[i] > 0) {
			s.label[i] = dataset.Ignore
		}
	}
}

// spread returns the pixels of soft tissue that pass accepts and that are connected to pixels
// labelled from through such pixels.
func (s *Sheet) spread(from uint8, pass func(int) bool) []int {
	var queue []int
	seen := make([]bool, len(s.label))
	for i, l := range s.label {
		if l == from {
			queue = append(queue, i)
		}
	}
	start := len(queue)
	for k := 0; k < len(queue); k++ {
		for _, j := range raster.Neighbours(queue[k], s.w, s.h) {
			if j >= 0 && !seen[j] && s.label[j] == dataset.SoftTissue && pass(j) {
				seen[j] = true
				queue = append(queue, j)
			}
		}
	}
	return queue[start:]
}

func abs32(x float32) float32 { return max(x, -x) }
