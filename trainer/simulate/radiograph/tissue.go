package radiograph

import (
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
	// Bone with less mineral counts where it is surrounded by bone that is seen, as the wing of the
	// ilium is: where no more than a fifth of its border touches something else. The least share of
	// the body's path that it takes with its marrow:
	leastBoneShare = .02
	mostOpenBorder = .2
)

// meanTrabeculae is the share of mineral in the marrow of a surface model, whose own share varies.
const meanTrabeculae = .25

// Ray holds path lengths in mm: in the body, in bone with its marrow, and the thickness of compact
// bone with the same mineral.
type Ray struct{ Skin, Bone, Mineral float32 }

// NewRay returns the paths of a ray of which marrow mm in bone are marrow, with a share of
// trabeculae that are not counted as compact bone yet.
func NewRay(skin, bone, marrow, trabeculae float32) Ray {
	return Ray{skin, bone, bone - (1-trabeculae)*min(marrow, bone)}
}

// faint is the label of bone with little mineral before it is decided.
const faint = dataset.Bone + 1

// label decides on a ray alone, except for faint bone.
func (r Ray) label() uint8 {
	switch {
	case r.Bone > leastBone && r.Mineral > leastMineralShare*r.Skin:
		return dataset.Bone
	case r.Bone > max(leastBone, leastBoneShare*r.Skin):
		return faint
	case r.Skin > .9:
		return dataset.SoftTissue
	}
	return dataset.OpenBeam
}

// Tissues returns the label of each of w×h pixels, row by row: open beam, soft tissue, and bone
// where it can be told from the tissue before and behind it.
func Tissues(w, h int, ray func(i int) Ray) []uint8 {
	label := make([]uint8, w*h)
	for i := range label {
		label[i] = ray(i).label()
	}
	seen := make([]bool, len(label))
	for i, l := range label {
		if l == faint && !seen[i] {
			settle(label, seen, i, w, h)
		}
	}
	return label
}

// settle labels the connected pixels of faint bone at i as bone, if they are surrounded by it, or
// as soft tissue.
func settle(label []uint8, seen []bool, i, w, h int) {
	seen[i] = true
	area, closed, open := []int{i}, 0, 0
	for k := 0; k < len(area); k++ {
		for _, j := range raster.Neighbours(area[k], w, h) {
			switch {
			case j < 0 || label[j] == faint && seen[j]:
			case label[j] == faint:
				seen[j] = true
				area = append(area, j)
			case label[j] == dataset.Bone:
				closed++
			default:
				open++
			}
		}
	}
	to := uint8(dataset.SoftTissue)
	if closed > 0 && float64(open) <= mostOpenBorder*float64(open+closed) {
		to = dataset.Bone
	}
	for _, j := range area {
		label[j] = to
	}
}
