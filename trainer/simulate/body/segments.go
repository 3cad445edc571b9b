package body

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	phalanx  = regexp.MustCompile(`(proximal|middle|distal) phalanx of (left|right) (.*)`)
	metabone = regexp.MustCompile(`(first|second|third|fourth|fifth) meta(carpal|tarsal)`)
	digits   = map[string]string{
		"thumb": "f1", "index finger": "f2", "middle finger": "f3", "ring finger": "f4", "little finger": "f5",
		"big toe": "t1", "second toe": "t2", "third toe": "t3", "fourth toe": "t4", "little toe": "t5",
	}
	ordinals = map[string]int{"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
	// segmentWords is searched in order; the first word found in the name decides.
	segmentWords = [][2]string{
		{"capitate", "carpal"}, {"hamate", "carpal"}, {"lunate", "carpal"}, {"pisiform", "carpal"},
		{"scaphoid", "carpal"}, {"trapezi", "carpal"}, {"trapezoid", "carpal"}, {"triquetral", "carpal"},
		{"calcaneus", "tarsal"}, {"cuboid", "tarsal"}, {"cuneiform", "tarsal"}, {"talus", "tarsal"},
		{"navicular", "tarsal"}, {"sesamoid", "tarsal"},
		{"radius", "radius"}, {"ulna", "ulna"}, {"humerus", "humerus"}, {"scapula", "scapula"}, {"clavicle", "clavicle"},
		{"femur", "femur"}, {"tibia", "tibia"}, {"fibula", "fibula"}, {"patella", "patella"},
		{"hip bone", "pelvis"}, {"sacrum", "pelvis"}, {" rib", "rib"}, {"sternum", "rib"}, {"xiphoid", "rib"},
		{"cervical", "csp"}, {"lumbar", "lsp"}, {"vertebra", "tsp"}, {"hyoid", "csp"},
	}
)

// segmentOf maps an anatomical name to side and segment: f1p..f5d and t1p..t5d for phalanges,
// mc1.., mt1.., carpal, tarsal, the names of long bones, pelvis, rib, csp, tsp, lsp, else
// skull.
func segmentOf(name string) (side, segment string) {
	name = strings.ToLower(name)
	for _, s := range []string{"left", "right"} {
		if strings.Contains(name, s) {
			side = s
		}
	}
	if m := phalanx.FindStringSubmatch(name); m != nil && digits[m[3]] != "" {
		return side, digits[m[3]] + m[1][:1]
	}
	if m := metabone.FindStringSubmatch(name); m != nil {
		return side, "m" + m[2][:1] + strconv.Itoa(ordinals[m[1]])
	}
	for _, w := range segmentWords {
		if strings.Contains(name, w[0]) {
			return side, w[1]
		}
	}
	return side, "skull"
}
