package radiograph

import (
	"math"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
)

// What makes a pixel bone: the least path in bone, with its marrow, and the least share of the body's
// path that is mineral (compact bone, and the trabeculae in marrow). The share decides in thick
// bodies: there bone must be distinguishable from the tissue before and behind it. 1.3 % is 0.9 mm
// before a lung, a rib, and 3 mm in an abdomen, a vertebra but not the rim of a rib.
const (
	leastBone         = .7 // mm
	leastMineralShare = .013
	// Bone with less mineral counts where it is surrounded by bone that is seen (closure). The least
	// share of the body's path that it takes with its marrow:
	leastBoneShare = .02
)

// closure says where bone with too little mineral counts: at most a share of the border of a
// connected area of it touches something else than bone that is seen.
type closure struct {
	faint float64 // of bone above leastBoneShare
	thin  float64 // of thinner bone
}

// Mostly an area that bone surrounds is part of that bone, as the middle of the wing of the ilium is.
// In a chest ribs and spine cross before and behind heart and liver, and surround areas without bone.
var (
	ofChest   = closure{.2, 0}
	elsewhere = closure{.4, .1}
)

func closureOf(part string) closure {
	if isChest(part) {
		return ofChest
	}
	return elsewhere
}

func isChest(part string) bool { return part == "chest" || part == "thorax" }

func isAbdomen(part string) bool {
	return part == "abdomen" || part == "lumbar spine" || part == "pelvis" || part == "neck of femur"
}

// MeanTrabeculae is the share of mineral in the marrow of a surface model. It varies in pictures,
// and labels do not depend on it.
const MeanTrabeculae = .25

// Ray holds path lengths in mm: in the body, in bone with its marrow, and the thickness of compact
// bone with the same mineral.
type Ray struct{ Skin, Bone, Mineral float32 }

// NewRay returns the paths of a ray of which marrow mm in bone are marrow, with a share of
// trabeculae that are not counted as compact bone yet.
func NewRay(skin, bone, marrow, trabeculae float32) Ray {
	return Ray{skin, bone, bone - (1-trabeculae)*min(marrow, bone)}
}

// The labels of bone with little mineral, and of thinner bone, before they are decided.
const (
	faint = dataset.Bone + 1 + iota
	thin
)

// label decides on a ray alone, except for faint and thin bone.
func (r Ray) label() uint8 {
	switch {
	case r.Bone > leastBone && r.Mineral > leastMineralShare*r.Skin:
		return dataset.Bone
	case r.Bone > max(leastBone, leastBoneShare*r.Skin):
		return faint
	case r.Bone > leastBone:
		return thin
	case r.Skin > .9:
		return dataset.SoftTissue
	}
	return dataset.OpenBeam
}

// Tissues returns the label of each of w×h pixels of a body part of the data set, row by row: open
// beam, soft tissue, and bone where it can be told from the tissue before and behind it.
func Tissues(part string, w, h int, ray func(i int) Ray) []uint8 {
	label := make([]uint8, w*h)
	for i := range label {
		label[i] = ray(i).label()
	}
	most := closureOf(part)
	settle(label, faint, most.faint, w, h)
	settle(label, thin, most.thin, w, h)
	return label
}

// settle labels each connected area of pixels labelled weak as bone, if no more than a share
// mostOpen of its border touches something else, or as soft tissue.
func settle(label []uint8, weak uint8, mostOpen float64, w, h int) {
	areas := raster.Connect(label, h, w)
	border := make([]struct{ closed, open float64 }, len(areas.Runs)) // by root
	each := func(f func(root, i int)) {
		for k, r := range areas.Runs {
			for i := areas.First(k); i < areas.First(k)+int(r.To-r.From) && label[i] == weak; i++ {
				f(areas.Root(k), i)
			}
		}
	}
	each(func(root, i int) {
		for _, j := range raster.Neighbours(i, w, h) {
			switch {
			case j < 0 || label[j] == weak:
			case label[j] == dataset.Bone:
				border[root].closed++
			default:
				border[root].open++
			}
		}
	})
	each(func(root, i int) {
		label[i] = dataset.SoftTissue
		if b := border[root]; b.closed > 0 && b.open <= mostOpen*(b.open+b.closed) {
			label[i] = dataset.Bone
		}
	})
}

func (s *Sheet) labelTissue() {
	s.label = Tissues(s.part, s.w, s.h, s.ray)
	s.body = make([]bool, len(s.label))
	for i, l := range s.label {
		s.body[i] = l != dataset.OpenBeam
	}
}

// ray returns the paths at pixel i. The marrow of a CT has lost its trabeculae to the mineral.
func (s *Sheet) ray(i int) Ray {
	spongy := float32(MeanTrabeculae)
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
