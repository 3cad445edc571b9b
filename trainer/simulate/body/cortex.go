package body

import (
	"math"

	"dicomnode/trainer/simulate/space"
)

// skeleton contains the bone surfaces and, offset inwards, the borders of cortex and marrow.
type skeleton struct{ outer, inner []space.Mesh }

func (s *skeleton) add(o, i []space.Vec, f [][3]int32) {
	s.outer, s.inner = append(s.outer, space.Mesh{Points: o, Faces: f}), append(s.inner, space.Mesh{Points: i, Faces: f})
}

// ossify makes all bones thinner by a common random amount and gives each a cortex, thick along
// shafts and thin at the ends. In a child it adds growth plates, small epiphyses and partly
// ossified nuclei.
func (g *figure) ossify(child bool) skeleton {
	d := g.d
	thin, shaft, end := d.Uni(0, .22), d.Uni(.25, .6), d.Uni(.06, .2)
	nuclei, plate, epiphysis := d.Uni(.45, .95), d.Uni(1.2, 5), d.Uni(.6, .97)
	var s skeleton
	for _, i := range g.bones {
		b := &g.b.bones[i]
		flat := d.Uni(.1, .3)
		outer, inner := g.shells(i, thin, shaft, end, flat)
		small := b.segment == "carpal" || b.segment == "tarsal" && b.length < 58 || b.segment == "patella"
		switch {
		case child && small:
			k := min(nuclei*d.Uni(.5, 1.1), 1)
			if k >= .45 {
				c := space.Centre(outer)
				s.add(scaled(outer, c, k), scaled(inner, c, k), b.Faces)
			}
		case child && b.long && b.segment != "clavicle" && b.length > 25:
			g.grow(&s, b, outer, inner, plate*min(1, b.length/200+.35), epiphysis)
		default:
			s.add(outer, inner, b.Faces)
		}
	}
	return s
}

func (g *figure) shells(i int, thin, shaft, end, flat float64) (outer, inner []space.Vec) {
	b := &g.b.bones[i]
	n := space.Mesh{Points: g.v[i], Faces: b.Faces}.Normals()
	outer, inner = make([]space.Vec, len(n)), make([]space.Vec, len(n))
	for k, p := range g.v[i] {
		r := b.radius[k]
		f, most := flat, 2.5
		if b.long {
			middle := min(max((1-math.Abs(b.along[k]-.5)/.5-.15)/.45, 0), 1)
			f, most = end+(shaft-end)*middle, 6
		}
		outer[k] = p.Sub(n[k].Mul(min(r*thin, 4)))
		inner[k] = outer[k].Sub(n[k].Mul(min(r*f, most)))
	}
	return outer, inner
}

// grow splits a long bone into two epiphyses and a shaft with plate mm between them.
func (g *figure) grow(s *skeleton, b *bone, outer, inner []space.Vec, plate, epiphysis float64) {
	d, c, u := g.d, space.Centre(outer), space.LongAxis(outer)
	lo, hi := space.Extent(outer, c, u)
	cap := min(.09*(hi-lo), 14)
	a, e := lo+cap*d.Uni(.7, 1.2), hi-cap*d.Uni(.7, 1.2)
	for k, r := range [][2]float64{{a + plate/2, e - plate/2}, {lo - 9, a - plate/2}, {e + plate/2, hi + 9}} {
		o, in := clipped(outer, c, u, r), clipped(inner, c, u, r)
		if k > 0 {
			m := space.Centre(within(outer, c, u, r))
			f := epiphysis * d.Uni(.85, 1.03)
			o, in = scaled(o, m, f), scaled(in, m, f)
		}
		s.add(o, in, b.Faces)
	}
}

func scaled(p []space.Vec, c space.Vec, k float64) []space.Vec {
	out := make([]space.Vec, len(p))
	for i, q := range p {
		out[i] = c.Lerp(q, k)
	}
	return out
}

func clipped(p []space.Vec, c, u space.Vec, r [2]float64) []space.Vec {
	out := make([]space.Vec, len(p))
	for i, q := range p {
		t := q.Sub(c).Dot(u)
		out[i] = q.Add(u.Mul(min(max(t, r[0]), r[1]) - t))
	}
	return out
}

func within(p []space.Vec, c, u space.Vec, r [2]float64) []space.Vec {
	var out []space.Vec
	for _, q := range p {
		if t := q.Sub(c).Dot(u); t > r[0] && t < r[1] {
			out = append(out, q)
		}
	}
	if out == nil {
		return p
	}
	return out
}
