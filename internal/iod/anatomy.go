package iod

import (
	"maps"
	"slices"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"
)

// region is an anatomic region; a paired one has a right and a left.
type region struct {
	code   Code
	paired bool
}

func single(value, meaning string) region { return region{Code{value, "SCT", meaning}, false} }
func paired(value, meaning string) region { return region{Code{value, "SCT", meaning}, true} }

// regions maps Body Part Examined (0018,0015) to PS3.16 CID 4009 through the
// defined terms of PS3.16 Annex L. ARM and LEG are no defined terms; vendors
// mean different parts by them, so they become the whole limb.
var regions = map[string]region{
	"ABDOMEN":       single("818981001", "Abdomen"),
	"ANKLE":         paired("70258002", "Ankle joint"),
	"ARM":           paired("53120007", "Upper limb"),
	"CHEST":         single("816094009", "Chest"),
	"CLAVICLE":      paired("51299004", "Clavicle"),
	"CSPINE":        single("122494005", "Cervical spine"),
	"ELBOW":         paired("16953009", "Elbow joint"),
	"EXTREMITY":     paired("66019005", "Extremity"),
	"FEMUR":         paired("71341001", "Femur"),
	"FINGER":        paired("7569003", "Finger"),
	"FOOT":          paired("56459004", "Foot"),
	"FOREARM":       paired("14975008", "Forearm"),
	"HAND":          paired("85562004", "Hand"),
	"HEAD":          single("69536005", "Head"),
	"HIP":           paired("24136001", "Hip joint"),
	"HUMERUS":       paired("85050009", "Humerus"),
	"KNEE":          paired("72696002", "Knee"),
	"LEG":           paired("61685007", "Lower limb"),
	"LOWERLEG":      paired("30021000", "Lower leg"),
	"LOWERLIMB":     paired("61685007", "Lower limb"),
	"LSPINE":        single("122496007", "Lumbar spine"),
	"NECK":          single("45048000", "Neck"),
	"NECK OF FEMUR": paired("24136001", "Hip joint"),
	"PATELLA":       paired("64234005", "Patella"),
	"PELVIS":        single("816092008", "Pelvis"),
	"RIB":           paired("113197003", "Rib"),
	"SHOULDER":      paired("16982005", "Shoulder"),
	"SKULL":         single("89546000", "Skull"),
	"SPINE":         single("421060004", "Spine"),
	"THIGH":         paired("68367000", "Thigh"),
	"THORAX":        single("816094009", "Chest"),
	"TIBIA":         paired("12611008", "Tibia"),
	"TIBIAFIBULA":   paired("110536004", "Tibia and fibula"),
	"TOE":           paired("29707007", "Toe"),
	"TSPINE":        single("122495006", "Thoracic spine"),
	"UPPERARM":      paired("40983000", "Upper arm"),
	"UPPERLIMB":     paired("53120007", "Upper limb"),
	"WRIST":         paired("74670003", "Wrist joint"),
}

// AnatomicRegion returns the concept for a Body Part Examined, and whether the
// part has a right and a left. Case and surrounding spaces do not matter. It
// reports false for a term it does not know.
func AnatomicRegion(bodyPartExamined string) (code Code, isPaired, known bool) {
	r, known := regions[strings.ToUpper(strings.TrimSpace(bodyPartExamined))]
	return r.code, r.paired, known
}

// BodyParts returns the terms that [AnatomicRegion] knows, sorted.
func BodyParts() []string { return slices.Sorted(maps.Keys(regions)) }

// laterality maps Image Laterality (0020,0062) to PS3.16 CID 244.
var laterality = map[string]Code{"R": Right, "L": Left, "B": Bilateral}

// Laterality returns R, L or B: Image Laterality (0020,0062) of s, else its
// Laterality (0020,0060), else "".
func Laterality(s Source) string {
	for _, t := range []tag.Tag{tag.ImageLaterality, tag.Laterality} {
		v := strings.ToUpper(s.String(t))
		if _, known := laterality[v]; known {
			return v
		}
	}
	return ""
}

// ImageLaterality sets (0020,0062) when s says right or left, be it in its own
// Image Laterality or in Laterality (0020,0060), which belongs to series and is
// not allowed beside a segmentation.
func (d *DataSet) ImageLaterality(s Source) {
	if v := Laterality(s); v == "R" || v == "L" {
		d.Strings(tag.ImageLaterality, v)
	}
}

// SideOfImage says the side of an image whose IOD wants one (General Series and
// General Image modules, PS3.3 C.7.3.1, C.7.6.1): Image Laterality where s says
// right or left. Else Laterality (0020,0060) is left empty, which means unknown,
// unless the body part is known to have no sides. No side is made up.
func (d *DataSet) SideOfImage(s Source) {
	d.ImageLaterality(s)
	if _, paired, known := AnatomicRegion(s.String(tag.BodyPartExamined)); !d.Has(tag.ImageLaterality) && (paired || !known) {
		d.Strings(tag.Laterality)
	}
}

// AnatomicRegion sets Anatomic Region Sequence (0008,2218): a copy of the one in
// s, else the concept for its Body Part Examined with the side as modifier
// (PS3.3 10.5), else nothing.
func (d *DataSet) AnatomicRegion(s Source) {
	if len(s.Items(tag.AnatomicRegionSequence)) > 0 {
		d.Copy(s, tag.AnatomicRegionSequence)
	}
	if d.Has(tag.AnatomicRegionSequence) {
		return
	}
	code, isPaired, known := AnatomicRegion(s.String(tag.BodyPartExamined))
	if !known {
		return
	}
	item := code.Item()
	if side, given := laterality[Laterality(s)]; given && isPaired {
		item.Sequence(tag.AnatomicRegionModifierSequence, side.Item())
	}
	d.Sequence(tag.AnatomicRegionSequence, item)
}
