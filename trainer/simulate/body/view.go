package body

import (
	"fmt"

	"dicomnode/internal/raster"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/space"
	"dicomnode/trainer/simulate/view"
	"dicomnode/trainer/simulate/xray"
)

// usableRegions returns the regions whose limbs and bones the body has.
func (b *Body) usableRegions() []view.Region {
	limbs := map[string]bool{}
	for _, o := range b.bones {
		limbs[o.limb] = true
	}
	var out []view.Region
	for _, r := range view.Regions {
		ok := len(b.where("", r.Focus)) > 0 && (r.Joint == "" || len(b.where("", r.Joint)) > 0)
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

// Part returns the body part that View shows with the same dice.
func (b *Body) Part(d random.Dice) string { return b.chooseRegion(d).Part }

// Identity identifies the body in the UIDs of DICOM files.
func (b *Body) Identity() string { return fmt.Sprint(len(b.skin.Points), len(b.bones)) }

func (b *Body) chooseRegion(d random.Dice) view.Region {
	return b.regions[d.Choose(len(b.regions), func(k int) float64 { return b.regions[k].Weight })]
}

func limbsOf(r view.Region, side string) []string {
	var out []string
	for _, c := range r.Limbs {
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

// View poses the body, points a camera at a region and computes path lengths on maps of n×n
// pixels.
func (b *Body) View(d random.Dice, n int) view.View {
	r, side, child := b.chooseRegion(d), "left", d.Chance(.35)
	if d.Chance(.5) {
		side = "right"
	}
	g := newFigure(b, d, limbsOf(r, side))
	g.pose()
	s := g.ossify(child)
	skin := g.cut()
	cam := g.aim(r, side, n)
	v := view.View{Part: r.Part, Side: side, Camera: cam, Pixel: cam.Pixel, Child: child}
	v.Skin = space.Paths(cam, skin)
	v.Bone, v.Marrow = space.Paths(cam, s.outer...), space.Paths(cam, s.inner...)
	if g.included["trunk"] && d.Chance(.9) {
		inflate(&v, space.Paths(cam, b.lungs...))
	}
	tidy(&v, d)
	return v
}

// inflate replaces most of the soft tissue by lung, which attenuates like a quarter as much
// muscle.
func inflate(v *view.View, lungs raster.Plane) {
	missing := float32(1 - xray.Lung.Density/xray.Muscle.Density)
	v.Air = raster.New(v.Skin.W, v.Skin.H)
	for i, s := range v.Skin.V {
		if s > 0 {
			v.Skin.V[i] = max(s-missing*lungs.V[i], min(s, 12))
			v.Air.V[i] = s - v.Skin.V[i]
		}
	}
}

// tidy limits marrow to the inside of bone, removes specks of skin that the cut left, and
// scales a child down.
func tidy(v *view.View, d random.Dice) {
	dropSpecks(v.Skin, v.Bone)
	k := float32(1)
	if v.Child {
		k = float32(d.Uni(.35, .8))
		v.Pixel *= float64(k)
	}
	for i := range v.Skin.V {
		v.Marrow.V[i] = min(v.Marrow.V[i], v.Bone.V[i]) * k
		v.Skin.V[i] *= k
		v.Bone.V[i] *= k
	}
	for i := range v.Air.V {
		v.Air.V[i] *= k
	}
}

func dropSpecks(skin, bone raster.Plane) {
	seen := make([]bool, len(skin.V))
	for i := range seen {
		if seen[i] || skin.V[i] <= .5 {
			continue
		}
		seen[i] = true
		group, holds := []int{i}, false
		for k := 0; k < len(group); k++ {
			j := group[k]
			holds = holds || bone.V[j] > 1
			for _, n := range raster.Neighbours(j, skin.W, skin.H) {
				if n >= 0 && !seen[n] && skin.V[n] > .5 {
					seen[n] = true
					group = append(group, n)
				}
			}
		}
		if !holds && len(group) < len(skin.V)/100 {
			for _, j := range group {
				skin.V[j] = 0
			}
		}
	}
}

// target returns the point at the centre of a view.
func (g *figure) target(r view.Region, side string) space.Vec {
	b := g.b
	sided := func(p string) []int {
		var out []int
		for _, i := range g.keep(b.where("", p)) {
			if s := b.bones[i].side; s == side || s == "" || r.Joint != "" && b.bones[i].segment == "pelvis" {
				out = append(out, i)
			}
		}
		return out
	}
	if r.Part == "finger" {
		f := sided(r.Focus)
		return space.Centre(g.v[f[g.d.IntN(len(f))]])
	}
	if r.Joint != "" {
		return contact(thinned(g.points(sided(r.Focus))), thinned(g.points(sided(r.Joint))))
	}
	return space.Centre(g.points(sided(r.Focus)))
}

func thinned(p []space.Vec) []space.Vec {
	step := max(1, len(p)/900)
	var out []space.Vec
	for i := 0; i < len(p); i += step {
		out = append(out, p[i])
	}
	return out
}

// aim chooses centre, direction and roll (view.ProjectionsOf), field and focus distance.
func (g *figure) aim(r view.Region, side string, n int) space.Camera {
	d, b := g.d, g.b
	c, axis := g.target(r, side), space.Vec{0, 0, 1}
	if r.Axis != "" {
		axis = space.LongAxis(g.points(g.keep(b.where(side, r.Axis))))
	}
	e1 := axis.Cross(space.Vec{0, 1, .1}).Unit()
	e2 := axis.Cross(e1)
	if (r.Part == "hand" || r.Part == "wrist" || r.Part == "finger") && d.Chance(.75) {
		axis = space.LongAxis(g.points(b.where(side, "mc3")))
		e2 = space.Centre(g.points(b.where(side, "mc5"))).Sub(space.Centre(g.points(b.where(side, "mc2"))))
		e2 = e2.Sub(axis.Mul(axis.Dot(e2))).Unit()
		e1 = axis.Cross(e2)
	}
	u, up, dir := view.ProjectionsOf(r.Part).Aimed(d, e1, e2, axis)
	field := d.Uni(r.Field[0], r.Field[1])
	if !view.IsTrunk(r.Part) {
		field *= reach(d)
	}
	j := field * .18
	c = c.Add(u.Mul(d.Uni(-j, j))).Add(up.Mul(d.Uni(-j, j)))
	return space.Camera{Centre: c, Right: u, Up: up, Dir: dir, Distance: d.Uni(700, 1800), Pixel: field / float64(n), Side: n}
}

// reach returns how much wider than usual the field of a limb is: some lie on a large cassette,
// some pictures show only a joint or, as the tiles of a picture do, a detail.
func reach(d random.Dice) float64 {
	switch x := d.Float64(); {
	case x < .18:
		return d.Uni(1.1, 1.8)
	case x < .4:
		return d.Uni(.35, .85)
	}
	return 1
}
