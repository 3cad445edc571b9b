package simulate

import (
	"math"

	"dicomnode/trainer/simulate/xray"
)

// region is one body part that is radiographed.
type region struct {
	part   string // body_part of the data set, after the paper's Table 1
	weight float64
	limbs  string // a: one arm, l: one leg, t: trunk, A and L: both
	focus  string // segments that the view centres on; with joint: the two that meet there
	joint  string
	axis   string // segments whose long axis stands upright; empty: the body's
	field  [2]float64
}

var regions = []region{
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

// view holds path lengths (mm) on square maps of px mm, as if through air elsewhere.
type view struct {
	part, side         string
	cam                camera
	skin, bone, marrow plane
	outside            plane // 1 where the body's way on is not known; none in most views
	px                 float64
	child              bool
}

// mapSize is the side of the maps from which samples are drawn, in pixels.
const mapSize = 288

// usableRegions are those whose limbs and bones the body has.
func (b *Body) usableRegions() []region {
	limbs := map[string]bool{}
	for _, o := range b.bones {
		limbs[o.limb] = true
	}
	var out []region
	for _, r := range regions {
		ok := len(b.where("", r.focus)) > 0 && (r.joint == "" || len(b.where("", r.joint)) > 0)
		for _, side := range []string{"left", "right"} {
			for _, l := range limbsOf(r, side) {
				ok = ok && limbs[l]
			}
		}
		if ok {
			out = append(out, r)
		}
	}
	return out
}

func (b *Body) chooseRegion(d dice) region {
	total := 0.0
	for _, r := range b.regions {
		total += r.weight
	}
	x := d.uni(0, total)
	for _, r := range b.regions {
		if x -= r.weight; x < 0 {
			return r
		}
	}
	return b.regions[0]
}

func limbsOf(r region, side string) []string {
	var out []string
	for _, c := range r.limbs {
		switch c {
		case 't':
			out = append(out, "trunk")
		case 'a':
			out = append(out, "arm"+side[:1])
		case 'l':
			out = append(out, "leg"+side[:1])
		case 'A':
			out = append(out, "arml", "armr")
		case 'L':
			out = append(out, "legl", "legr")
		}
	}
	return out
}

// newView poses the body, points a camera at a region and measures path lengths on maps of n×n pixels.
func newView(b *Body, d dice, n int) view {
	r, side, child := b.chooseRegion(d), "left", d.chance(.35)
	if d.chance(.5) {
		side = "right"
	}
	g := newFigure(b, d, limbsOf(r, side))
	g.pose()
	s := g.ossify(child)
	skin := g.cut()
	cam := g.aim(r, side, n)
	v := view{part: r.part, side: side, cam: cam, px: cam.px, child: child}
	v.skin = shoot(cam, skin)
	v.bone, v.marrow = shoot(cam, s.outer...), shoot(cam, s.inner...)
	if g.included["trunk"] && d.chance(.9) {
		v.inflate(shoot(cam, b.lungs...))
	}
	v.tidy(d)
	return v
}

func shoot(cam camera, m ...mesh) plane {
	c := newCanvas(cam)
	for _, x := range m {
		c.draw(x)
	}
	return c.thickness()
}

// inflate replaces most of the soft tissue by lung, which attenuates like a quarter as much muscle.
func (v *view) inflate(lungs plane) {
	missing := float32(1 - xray.Lung.Density/xray.Muscle.Density)
	for i, s := range v.skin.v {
		if s > 0 {
			v.skin.v[i] = max(s-missing*lungs.v[i], min(s, 12))
		}
	}
}

// tidy keeps marrow inside bone, drops specks of skin that the cut left and scales a child down.
func (v *view) tidy(d dice) {
	dropSpecks(v.skin, v.bone)
	k := float32(1)
	if v.child {
		k = float32(d.uni(.35, .8))
		v.px *= float64(k)
	}
	for i := range v.skin.v {
		v.marrow.v[i] = min(v.marrow.v[i], v.bone.v[i]) * k
		v.skin.v[i] *= k
		v.bone.v[i] *= k
	}
}

func dropSpecks(skin, bone plane) {
	seen := make([]bool, len(skin.v))
	for i := range seen {
		if seen[i] || skin.v[i] <= .5 {
			continue
		}
		seen[i] = true
		group, holds := []int{i}, false
		for k := 0; k < len(group); k++ {
			j := group[k]
			holds = holds || bone.v[j] > 1
			for _, n := range neighbours(j, skin.w, skin.h) {
				if n >= 0 && !seen[n] && skin.v[n] > .5 {
					seen[n] = true
					group = append(group, n)
				}
			}
		}
		if !holds && len(group) < len(skin.v)/100 {
			for _, j := range group {
				skin.v[j] = 0
			}
		}
	}
}

// neighbours are the four next pixels, −1 outside.
func neighbours(i, w, h int) [4]int {
	n := [4]int{i - 1, i + 1, i - w, i + w}
	if i%w == 0 {
		n[0] = -1
	}
	if i%w == w-1 {
		n[1] = -1
	}
	if i+w >= w*h {
		n[3] = -1
	}
	return n
}

// target is the point a view centres on.
func (g *figure) target(r region, side string) vec {
	b := g.b
	sided := func(p string) []int {
		var out []int
		for _, i := range g.keep(b.where("", p)) {
			if s := b.bones[i].side; s == side || s == "" || r.joint != "" && b.bones[i].segment == "pelvis" {
				out = append(out, i)
			}
		}
		return out
	}
	if r.part == "finger" {
		f := sided(r.focus)
		return centre(g.v[f[g.d.IntN(len(f))]])
	}
	if r.joint != "" {
		return contact(thinned(g.points(sided(r.focus))), thinned(g.points(sided(r.joint))))
	}
	return centre(g.points(sided(r.focus)))
}

func thinned(p []vec) []vec {
	step := max(1, len(p)/900)
	var out []vec
	for i := 0; i < len(p); i += step {
		out = append(out, p[i])
	}
	return out
}

// aim chooses centre, direction (AP 35 %, lateral 30 %, else oblique), roll, field and focus distance.
func (g *figure) aim(r region, side string, n int) camera {
	d, b := g.d, g.b
	c, axis := g.target(r, side), vec{0, 0, 1}
	if r.axis != "" {
		axis = longAxis(g.points(g.keep(b.where(side, r.axis))))
	}
	e1 := axis.cross(vec{0, 1, .1}).unit()
	e2 := axis.cross(e1)
	if (r.part == "hand" || r.part == "wrist" || r.part == "finger") && d.chance(.75) {
		axis = longAxis(g.points(b.where(side, "mc3")))
		e2 = centre(g.points(b.where(side, "mc5"))).sub(centre(g.points(b.where(side, "mc2"))))
		e2 = e2.sub(axis.mul(axis.dot(e2))).unit()
		e1 = axis.cross(e2)
	}
	az, el := azimuth(d), min(max(d.gauss(0, 9), -30), 30)*math.Pi/180
	dir := e1.mul(math.Cos(az)).add(e2.mul(math.Sin(az))).mul(math.Cos(el)).add(axis.mul(math.Sin(el)))
	up := axis.sub(dir.mul(axis.dot(dir))).unit()
	u := up.cross(dir)
	s, k := math.Sincos(roll(d))
	u, up = u.mul(k).add(up.mul(s)), up.mul(k).sub(u.mul(s))
	field := d.uni(r.field[0], r.field[1]) * reach(d)
	j := field * .18
	c = c.add(u.mul(d.uni(-j, j))).add(up.mul(d.uni(-j, j)))
	return camera{c: c, u: u, up: up, dir: dir, dist: d.uni(700, 1800), px: field / float64(n), n: n}
}

// reach is how much wider than usual the field is: some limbs lie on a large cassette, some pictures show a
// joint only.
func reach(d dice) float64 {
	switch x := d.Float64(); {
	case x < .2:
		return d.uni(1.1, 1.8)
	case x < .3:
		return d.uni(.55, .85)
	}
	return 1
}

func azimuth(d dice) float64 {
	a := d.uni(0, 360)
	switch x := d.Float64(); {
	case x < .35:
		a = d.pick(0, 180)
	case x < .65:
		a = d.pick(90, 270)
	}
	return (a + d.gauss(0, 8)) * math.Pi / 180
}

func roll(d dice) float64 {
	if d.chance(.15) {
		return d.uni(0, 2*math.Pi)
	}
	return (d.gauss(0, 8) + d.pick(0, 180)) * math.Pi / 180
}
