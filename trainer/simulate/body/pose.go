package body

import (
	"fmt"
	"math"

	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/space"
)

// figure is a posed copy of some limbs of a body.
type figure struct {
	b        *Body
	d        random.Dice
	included map[string]bool
	bones    []int
	inFigure []bool        // per bone of the body
	v        [][]space.Vec // per bone of the body; nil if it is left out
	skin     []space.Vec
	active   []int // skin points of included limbs
}

func newFigure(b *Body, d random.Dice, limbs []string) *figure {
	g := &figure{b: b, d: d, included: map[string]bool{}, v: make([][]space.Vec, len(b.bones)), inFigure: make([]bool, len(b.bones))}
	for _, l := range limbs {
		g.included[l] = true
	}
	for i, o := range b.bones {
		if g.included[o.limb] {
			g.bones, g.inFigure[i] = append(g.bones, i), true
			g.v[i] = append([]space.Vec(nil), o.Points...)
		}
	}
	g.skin = append([]space.Vec(nil), b.skin.Points...)
	for j, l := range b.limbOf {
		if g.included[l] {
			g.active = append(g.active, j)
		}
	}
	return g
}

func (g *figure) keep(ids []int) []int {
	var out []int
	for _, i := range ids {
		if g.inFigure[i] {
			out = append(out, i)
		}
	}
	return out
}

func (g *figure) points(ids []int) []space.Vec {
	var out []space.Vec
	for _, i := range ids {
		out = append(out, g.v[i]...)
	}
	return out
}

// bend turns the child bones about axis through the joint. The skin follows with a weight from
// 0 to 1. It depends on the difference between the distances to the other bones and to the
// child's, and changes smoothly over a difference of 2·width mm.
func (g *figure) bend(child, parent []int, axis space.Vec, degrees, width float64, shift space.Vec) {
	child, parent = g.keep(child), g.keep(parent)
	if len(child) == 0 || len(parent) == 0 {
		return
	}
	p, ang := g.b.pivot(child, parent).Add(shift), degrees*math.Pi/180
	axis = axis.Unit()
	g.bendSkin(child, p, axis, ang, width)
	for _, i := range child {
		for k, q := range g.v[i] {
			g.v[i][k] = q.Turn(p, axis, ang)
		}
	}
}

func (g *figure) bendSkin(child []int, p, axis space.Vec, ang, width float64) {
	moved := make([]bool, len(g.b.bones))
	for _, i := range child {
		moved[i] = true
	}
	to, from := make([]float32, len(g.skin)), make([]float32, len(g.skin))
	for _, j := range g.active {
		to[j], from[j] = 1e9, 1e9
	}
	for _, i := range g.bones {
		t, n := from, g.b.nearest[i]
		if moved[i] {
			t = to
		}
		for _, j := range g.active {
			t[j] = min(t[j], n[j])
		}
	}
	for _, j := range g.active {
		w := min(max((float64(from[j])-float64(to[j]))/(2*width)+.5, 0), 1)
		if w > 0 {
			g.skin[j] = g.skin[j].Turn(p, axis, ang*w*w*(3-2*w))
		}
	}
}

// pose bends every joint of the included limbs by random, plausible angles (degrees).
func (g *figure) pose() {
	for _, side := range []string{"left", "right"} {
		if g.included["arm"+side[:1]] {
			g.poseArm(side)
		}
		if g.included["leg"+side[:1]] {
			g.poseLeg(side)
		}
	}
}

func (g *figure) poseArm(side string) {
	b, d := g.b, g.d
	at := func(p string) []int { return b.where(side, p) }
	mid := func(p string) space.Vec { return space.Centre(g.points(at(p))) }
	along := mid("f3p").Sub(mid("mc3")).Unit()
	across := mid("mc5").Sub(mid("mc2"))
	across = across.Sub(along.Mul(along.Dot(across))).Unit()
	g.poseFingers(side, across, along.Cross(across))
	hand := at(`f\d.|mc.|carpal`)
	fore := at("radius|ulna")
	g.bend(hand, fore, along.Cross(across), d.Gauss(0, 12), 12, space.Vec{})
	g.bend(hand, fore, across, d.Gauss(0, 18), 12, space.Vec{})
	elbow := d.Gauss(0, 8)
	if d.Chance(.5) {
		elbow = d.Uni(0, 120)
	}
	lower := append(hand, fore...)
	g.bend(lower, at("humerus"), space.Vec{1}, -elbow, 25, space.Vec{})
	if g.included["trunk"] {
		lift := d.Uni(-5, d.Pick(60, 15))
		if side == "left" {
			lift = -lift
		}
		g.bend(append(lower, at("humerus")...), at("scapula"), space.Vec{0, 1}, lift, 30, space.Vec{})
	}
}

func (g *figure) poseFingers(side string, across, normal space.Vec) {
	d, at := g.d, func(f string, a ...any) []int { return g.b.where(side, fmt.Sprintf(f, a...)) }
	sign := 1.0
	if side == "left" {
		sign = -1
	}
	fist, spread := d.Chance(.2), d.Gauss(2, 4)
	if d.Chance(.4) {
		spread = d.Uni(7, 19) // a flat hand with spread fingers
	}
	g.bend(at("f1.|mc1"), at("carpal"), normal, -1.5*spread, 8, space.Vec{})
	g.bend(at("f1.|mc1"), at("carpal"), space.RandomDirection(d), d.Gauss(0, 20), 8, space.Vec{})
	g.bend(at("f1."), at("mc1"), space.RandomDirection(d), d.Gauss(0, 15), 6, space.Vec{})
	for k := 2; k <= 5; k++ {
		flex := d.Gauss(5, 8)
		if fist {
			flex = d.Uni(-10, 75)
		}
		g.bend(at("f%dd", k), at("f%dm", k), across, sign*flex*.6, 4, space.Vec{})
		g.bend(at("f%d[dm]", k), at("f%dp", k), across, sign*flex, 5, space.Vec{})
		g.bend(at("f%d.", k), at("mc%d", k), across, sign*flex*d.Float64(), 8, space.Vec{})
		g.bend(at("f%d.", k), at("mc%d", k), normal, spread*float64(k-3)+d.Gauss(0, 3), 8, space.Vec{})
	}
}

func (g *figure) poseLeg(side string) {
	b, d := g.b, g.d
	at := func(p string) []int { return b.where(side, p) }
	for k := 1; k <= 5; k++ {
		g.bend(at(fmt.Sprintf("t%d.", k)), at(fmt.Sprintf("mt%d", k)), space.Vec{1}, d.Gauss(0, 10), 7, space.Vec{})
	}
	foot, shank := at(`t\d.|mt.|tarsal`), at("tibia|fibula")
	g.bend(foot, shank, space.Vec{1}, d.Gauss(10, 20), 15, space.Vec{})
	g.bend(foot, shank, space.RandomDirection(d), d.Gauss(0, 8), 15, space.Vec{})
	knee := d.Gauss(0, 6)
	if d.Chance(.5) {
		knee = d.Uni(0, 100)
	}
	if g.included["trunk"] {
		knee = math.Abs(d.Gauss(0, 5))
	}
	lower := append(foot, shank...)
	axis := space.Vec{0, 0, 12} // the knee turns about the condyles, above the joint space
	g.bend(lower, at("femur"), space.Vec{1}, knee, 40, axis)
	pivot := b.pivot(at("tibia"), at("femur")).Add(axis)
	for _, i := range g.keep(at("patella")) {
		for k, q := range g.v[i] {
			g.v[i][k] = q.Turn(pivot, space.Vec{1}, knee*.5*math.Pi/180)
		}
	}
	if g.included["trunk"] {
		x := space.RandomDirection(d)
		g.bend(append(lower, at("femur|patella")...), at("pelvis"), space.Vec{x[0], x[1], x[2] / 2}, d.Gauss(0, 16), 40, space.Vec{})
	}
}

// cut moves the skin of limbs that are left out to the border of the included skin, which
// closes the stumps. Skin that touches nothing included is moved to one of its points.
func (g *figure) cut() space.Mesh {
	border := g.borders()
	for j, l := range g.b.limbOf {
		if g.included[l] {
			continue
		}
		if _, ok := border[l]; !ok {
			if all, ok := border[""]; ok {
				border[l] = all
			} else {
				border[l] = g.skin[j]
			}
		}
		g.skin[j] = border[l]
	}
	return space.Mesh{Points: g.skin, Faces: g.b.skin.Faces}
}

// borders returns, for each limb that is left out, the centre of the included skin that touches
// it by more than three edges. The entry "" is the centre of all of that skin.
func (g *figure) borders() map[string]space.Vec {
	sums, counts := map[string]space.Vec{}, map[string]float64{}
	for _, f := range g.b.skin.Faces {
		for k := range 3 {
			a, c := f[k], f[(k+1)%3]
			if g.included[g.b.limbOf[a]] && !g.included[g.b.limbOf[c]] {
				for _, key := range []string{g.b.limbOf[c], ""} {
					sums[key] = sums[key].Add(g.skin[a])
					counts[key]++
				}
			}
		}
	}
	out := map[string]space.Vec{}
	for key, n := range counts {
		if n > 3 || key == "" {
			out[key] = sums[key].Mul(1 / n)
		}
	}
	return out
}
