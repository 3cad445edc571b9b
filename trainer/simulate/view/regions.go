package view

// Region is one way of radiographing a body part.
type Region struct {
	Part   string     // body_part of the data set, as in the paper's Table 1
	Weight float64    // share of the views, relative to the others
	Limbs  string     // a: one arm, l: one leg, t: trunk, A and L: both
	Focus  string     // segments at the centre of the view; with Joint: the centre is where the two meet
	Joint  string     // segments; empty: the centre is Focus alone
	Axis   string     // segments whose long axis is vertical in the picture; empty: the body's axis
	Field  [2]float64 // least and greatest width of the field, mm
}

// Regions are the body parts of the data set, some of them viewed in several ways.
var Regions = []Region{
	{"hand", 13, "a", `f.*|mc.|carpal`, "", "radius|ulna", [2]float64{160, 360}},
	{"finger", 4, "a", `f[2-5].`, "", "radius|ulna", [2]float64{60, 150}},
	{"wrist", 13, "a", "carpal", "", "radius|ulna", [2]float64{100, 240}},
	{"arm", 10, "a", "radius|ulna", "", "radius|ulna", [2]float64{220, 520}},
	{"elbow", 8, "a", "humerus", "radius", "radius|ulna", [2]float64{140, 330}},
	{"arm", 2, "ta", "humerus", "", "humerus", [2]float64{250, 480}},
	{"arm", 5, "a", "radius|ulna|carpal", "", "radius|ulna", [2]float64{380, 600}},
	{"shoulder", 3, "ta", "scapula", "humerus", "", [2]float64{180, 400}},
	{"foot", 10, "l", `t\d.|mt.|tarsal`, "", "mt.|tarsal", [2]float64{180, 400}},
	{"foot", 1.5, "L", `t\d.|mt.|tarsal`, "", "mt.|tarsal", [2]float64{380, 620}},
	{"ankle", 9, "l", "tibia", "tarsal", "tibia", [2]float64{130, 330}},
	{"tibia", 8, "l", "tibia|fibula", "", "tibia", [2]float64{280, 600}},
	{"leg", 4, "tLl", "femur|tibia", "", "femur", [2]float64{700, 1100}},
	{"knee", 12, "l", "femur", "tibia", "femur", [2]float64{160, 420}},
	{"knee", 1.5, "L", "femur", "tibia", "femur", [2]float64{420, 700}},
	{"femur", 3, "tL", "femur", "", "femur", [2]float64{300, 560}},
	{"thigh", 4, "l", "femur", "", "femur", [2]float64{250, 520}},
	{"neck of femur", 3, "tL", "pelvis", "femur", "", [2]float64{220, 480}},
	{"pelvis", 3, "tL", "pelvis", "", "", [2]float64{320, 560}},
	{"head", 3, "t", "skull", "", "", [2]float64{240, 400}},
	{"cervical", 1, "tA", "csp", "", "", [2]float64{180, 300}},
	{"lumbar spine", 1, "t", "lsp", "", "", [2]float64{200, 400}},
	{"chest", 1, "tA", "rib", "", "", [2]float64{340, 520}},
	{"thorax", .7, "tA", "rib|tsp", "", "", [2]float64{320, 520}},
}

// trunk are the body parts that are not posed, and how they are viewed.
var trunk = map[string]Projections{
	"shoulder": ofTrunk, "head": ofTrunk, "cervical": ofTrunk, "lumbar spine": ofTrunk, "chest": ofTrunk, "thorax": ofTrunk,
	"abdomen": ofPelvis, "pelvis": ofPelvis, "neck of femur": ofPelvis,
}

// IsTrunk reports whether a body part of the data set belongs to trunk or head: it is thick, so
// that little signal reaches the detector, it has no cast, and it is upright.
func IsTrunk(part string) bool {
	_, is := trunk[part]
	return is
}
