package radiograph

import (
	"math"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/xray"
)

// bandage is a cast or a splint: a wall around a limb with padding below it. The wall is seen
// edge-on beside the limb and face-on across it. Lengths are in pixels.
type bandage struct {
	axis       limbAxis
	from, to   float64    // the ends, along the axis
	slant      float64    // of the ends
	gap        [2]float64 // from skin to outer border on both sides of the axis
	wall       float64    // thickness
	radius     float64    // of the tube that the wall forms
	veil       float32    // attenuation of the two walls seen face-on
	rim        float64    // greatest multiple of veil at the border
	wrap, lift float64    // of a thin bandage around it: multiple of veil at its border, and distance from the wall
	pad        float32    // attenuation of the padding
	mid, reach float64    // the part of the circumference that a splint covers, as middle and half width in radians; reach ≥ π means all
}

// cast adds a cast of plaster or fibreglass to 12 % of the limbs. Its parts outside the skin,
// including padding, are labelled as soft tissue; bone below it stays bone.
func (s *Sheet) cast() {
	if !s.trunk && s.d.Chance(.12) {
		s.wrap()
	}
}

func (s *Sheet) wrap() {
	d := s.d
	limb := raster.Biggest(s.body, s.w, s.h)
	if limb == nil {
		return
	}
	b := s.bandage(limb)
	tube := s.tube(limb, b)
	depth := raster.Distance(tube, s.w, s.h)
	b.radius = float64(raster.Plane{W: s.w, H: s.h, V: depth}.Quantiles(tube, .97)[0])
	hole := s.thumbHole(limb, b)
	edge := s.noiseMap(d.Uni(4, 20))
	s.bandaged = make([]bool, len(s.label))
	wall, front, back, lumps := raster.New(s.w, s.h), s.weave(b.axis), s.weave(b.axis), s.noiseMap(d.Uni(4, 15))
	for i, in := range tube {
		if !in || hole[i] {
			continue
		}
		a, c := b.axis.of(i, s.w)
		on := b.within(a+b.slant*c+float64(edge.V[i])*s.unit, s.unit)
		if on == 0 {
			continue
		}
		q := min(max(b.axis.across(a, c)/max(b.radius, 1), -1), 1)
		theta := math.Acos(q)
		chord := b.chord(float64(depth[i]) - .5)
		sum := b.covers(theta)*float64(front.V[i]) + b.covers(-theta)*float64(back.V[i])
		wall.V[i] = float32(on) * (b.veil*float32(chord*sum/2) + b.pad*raster.Clamp(.7+.4*lumps.V[i], 0, 2))
		if on > .5 && s.label[i] == dataset.OpenBeam {
			s.label[i], s.body[i], s.bandaged[i] = dataset.SoftTissue, true, true
		}
	}
	for i, p := range s.blur(wall, .35).V {
		s.path.V[i] += p
	}
}

// keepPadding marks a whole cast as shown if most of it is: padding that looks like air is
// still inside a visible wall.
func (s *Sheet) keepPadding(shown []bool) {
	n, seen := 0, 0
	for i, in := range s.bandaged {
		if in {
			n++
			if shown[i] {
				seen++
			}
		}
	}
	for i, in := range s.bandaged {
		shown[i] = shown[i] || in && 2*seen > n
	}
}

// bandage chooses the kind and dimensions of a cast.
func (s *Sheet) bandage(limb []bool) bandage {
	d := s.d
	b := bandage{axis: newLimbAxis(limb, s.w, s.h), reach: 4, rim: d.Uni(1.8, 4.5), slant: d.Gauss(0, .15)}
	b.ends(d)
	width := float64(min(s.w, s.h))
	for k := range b.gap {
		b.gap[k] = d.Uni(.02, .14) * width
		if d.Chance(.4) {
			b.gap[k] = d.Uni(.02, .06) * width
		}
	}
	b.veil, b.wall = float32(d.Uni(2, 8)*s.rays.Coefficient(xray.Plaster)), d.Uni(1.5, 5)*s.unit // 2 to 8 mm in both walls
	if d.Chance(.45) {
		b.veil, b.wall = float32(d.Uni(.05, .22)), d.Uni(.8, 2.5)*s.unit // fibreglass
	}
	b.wall = min(b.wall, .7*min(b.gap[0], b.gap[1]))
	b.pad = float32(d.Uni(.015, .07))
	if d.Chance(.35) {
		b.wrap, b.lift = d.Uni(.4, 2), min(d.Uni(.5, 1.5)*b.wall, .25*min(b.gap[0], b.gap[1]))
	}
	if d.Chance(.35) {
		b.splint(d)
	}
	return b
}

// ends places none, one or both ends of the cast inside the visible limb.
func (b *bandage) ends(d random.Dice) {
	lo, hi := b.axis.lo, b.axis.hi
	l := hi - lo
	b.from, b.to = math.Inf(-1), math.Inf(1)
	switch m := d.Float64(); {
	case m < .3:
	case m < .55:
		b.from = lo + d.Uni(.1, .7)*l
	case m < .8:
		b.to = hi - d.Uni(.1, .7)*l
	default:
		b.from, b.to = lo+d.Uni(.05, .35)*l, hi-d.Uni(.05, .35)*l
	}
}

// splint limits the wall to a part of the circumference; beside the limb it is visible only on
// the covered sides.
func (b *bandage) splint(d random.Dice) {
	b.mid, b.reach = d.Uni(-math.Pi, math.Pi), d.Uni(.8, 1.9)
	b.gap[0] *= b.covers(math.Pi)
	b.gap[1] *= b.covers(0)
}

// covers returns the share of the wall at an angle around the limb: 0 or 1 except at a soft
// edge.
func (b *bandage) covers(angle float64) float64 {
	away := math.Abs(math.Remainder(angle-b.mid, 2*math.Pi))
	return min(max((b.reach-away)/.08, 0), 1)
}

// within returns 1 between the ends of the cast and 0 beyond them.
func (b *bandage) within(a, unit float64) float64 {
	return min(max(min(a-b.from, b.to-a)/unit+.5, 0), 1)
}

// chord returns the path of a ray through the wall, in multiples of the face-on path through
// both walls. The ray passes e pixels inside the outer border. The path is longest at the inner
// border.
func (b *bandage) chord(e float64) float64 {
	R, r := b.radius, b.radius-b.wall
	x := max(R-max(e-b.lift, 0), 0)
	way := math.Sqrt(max(R*R-x*x, 0)) - math.Sqrt(max(r*r-x*x, 0))
	line := (e - b.wall/4) / (b.wall/6 + .5)
	return min(way/b.wall, b.rim) + b.wrap*math.Exp(-line*line)
}

// tube returns the silhouette of the limb with padding and wall. It is smoothed, because a wall
// does not follow every hollow of the skin.
func (s *Sheet) tube(limb []bool, b bandage) []bool {
	lumps := s.noiseMap(s.d.Uni(15, 50))
	swell := float32(s.d.Uni(0, .3))
	smooth := raster.New(s.w, s.h)
	for i, away := range raster.Distance(inverse(limb), s.w, s.h) {
		a, c := b.axis.of(i, s.w)
		side := min(max(.5+b.axis.across(a, c)/(20*s.unit), 0), 1)
		gap := float32(b.gap[0]*(1-side)+b.gap[1]*side) * raster.Clamp(1+swell*lumps.V[i], .4, 1.8)
		if away <= gap {
			smooth.V[i] = 1
		}
	}
	out := make([]bool, len(limb))
	for i, t := range s.blur(smooth, s.d.Uni(1, 4)).V {
		out[i] = t > .5 || limb[i]
	}
	return out
}

// thumbHole returns where the skin is left free, in one of six casts.
func (s *Sheet) thumbHole(limb []bool, b bandage) []bool {
	d, out := s.d, make([]bool, len(limb))
	if b.reach < math.Pi || !d.Chance(.17) {
		return out
	}
	var skin []int
	for i, in := range limb {
		for _, j := range raster.Neighbours(i, s.w, s.h) {
			if in && j >= 0 && !limb[j] {
				skin = append(skin, i)
				break
			}
		}
	}
	if len(skin) == 0 {
		return out
	}
	at, r := skin[d.IntN(len(skin))], d.Uni(3, 9)*s.unit
	for i := range out {
		out[i] = math.Hypot(float64(i%s.w-at%s.w), float64(i/s.w-at/s.w)) < r
	}
	return out
}

// weave returns the relative density of one wall of a bandage: overlapping turns, ribs across
// the limb, fibres, folds, lumps and grain.
func (s *Sheet) weave(l limbAxis) raster.Plane {
	d := s.d
	lumps, bend, folds, grain := s.noiseMap(d.Uni(3, 20)), s.noiseMap(d.Uni(20, 50)), s.noiseMap(d.Uni(8, 30)), s.noiseMap(1.2)
	lump, coarse := d.Uni(.05, .45), d.Uni(0, .25)
	fold := max(0, d.Uni(-.5, .9))
	rib, sharp, period, tilt := d.Uni(0, .6), d.Uni(.3, 2.5), d.Uni(1.6, 5)*s.unit, d.Gauss(0, .12)
	turn, step := d.Uni(12, 40)*s.unit, d.Uni(0, .4)
	lean := d.Gauss(0, .4)
	broken, streak := s.streaks(d.Uni(1, 2.5), d.Uni(6, 30)), d.Uni(0, .4)
	mesh := max(0, d.Uni(-.4, .35))
	wave, flat := 2*math.Pi/period, math.Exp(-sharp)*1.3
	out := raster.New(s.w, s.h)
	for i := range out.V {
		a, c := l.of(i, s.w)
		e := a + tilt*c + 2*s.unit*float64(bend.V[i])
		strength := min(max(.6+.6*float64(lumps.V[i]), 0), 1.5)
		_, part := math.Modf((e+lean*c)/turn + 1000)
		ridge := float64(folds.V[i]) / .1
		v := 1 + lump*float64(lumps.V[i]) + step*(part-.5) +
			rib*strength*(math.Exp(sharp*(math.Sin(wave*e)-1))-flat)*1.6 + streak*broken(a, c) +
			mesh*math.Sin(wave*e)*math.Sin(wave*c) + fold*math.Exp(-ridge*ridge) + coarse*float64(grain.V[i])
		out.V[i] = float32(min(max(v, .15), 3.5))
	}
	return out
}

// streaks returns noise whose structures are along units long in the direction of the limb and
// across units wide.
func (s *Sheet) streaks(along, across float64) func(a, c float64) float64 {
	along, across = along*s.unit, across*s.unit
	far := math.Hypot(float64(s.w), float64(s.h)) + 2
	w, h := int(2*far/along)+3, int(2*far/across)+3
	g := raster.New(w, h)
	for i := range g.V {
		g.V[i] = float32(s.d.NormFloat64())
	}
	return func(a, c float64) float64 {
		return float64(g.Sample(min(max((a+far)/along, 0), float64(w-2)), min(max((c+far)/across, 0), float64(h-2))))
	}
}

func inverse(m []bool) []bool {
	out := make([]bool, len(m))
	for i, b := range m {
		out[i] = !b
	}
	return out
}
