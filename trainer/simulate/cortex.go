package simulate

import (
	"math"
	"strings"
)

// skeleton is what a view draws: bone surfaces and, offset inwards, the border of cortex and marrow.
type skeleton struct{ outer, inner []mesh }

func (s *skeleton) add(o, i []vec, f [][3]int32) {
	s.outer, s.inner = append(s.outer, mesh{o, f}), append(s.inner, mesh{i, f})
}

// ossify thins the bones by a common random amount, gives each a cortex (thick along shafts, thin at the
// ends) and, in a child, growth plates, small epiphyses and partly ossified nuclei.
func (g *figure) ossify(child bool) skeleton {
	d := g.d
	thin, shaft, end := d.uni(0, .22), d.uni(.25, .6), d.uni(.06, .2)
	nuclei, plate, epiphysis := d.uni(.45, .95), d.uni(1.2, 5), d.uni(.6, .97)
	var s skeleton
	for _, i := range g.bones {
		b := &g.b.bones[i]
		flat := d.uni(.1, .3)
		outer, inner := g.shells(i, thin, shaft, end, flat)
		small := b.segment == "carpal" || b.segment == "tarsal" && b.length < 58 || b.segment == "patella"
		switch {
		case child && small:
			k := min(nuclei*d.uni(.5, 1.1), 1)
			if k >= .45 {
				c := centre(outer)
				s.add(scaled(outer, c, k), scaled(inner, c, k), b.f)
			}
		case child && b.long && b.segment != "clavicle" && b.length > 25:
			g.grow(&s, b, outer, inner, plate*min(1, b.length/200+.35), epiphysis)
		default:
			s.add(outer, inner, b.f)
		}
	}
	return s
}

func (g *figure) shells(i int, thin, shaft, end, flat float64) (outer, inner []vec) {
	b := &g.b.bones[i]
	n := mesh{g.v[i], b.f}.normals()
	outer, inner = make([]vec, len(n)), make([]vec, len(n))
	for k, p := range g.v[i] {
		r := b.radius[k]
		f, most := flat, 2.5
		if b.long {
			middle := min(max((1-math.Abs(b.along[k]-.5)/.5-.15)/.45, 0), 1)
			f, most = end+(shaft-end)*middle, 6
		}
		outer[k] = p.sub(n[k].mul(min(r*thin, 4)))
		inner[k] = outer[k].sub(n[k].mul(min(r*f, most)))
	}
	return outer, inner
}

// grow splits a long bone into two epiphyses and a shaft with plate mm between them.
func (g *figure) grow(s *skeleton, b *bone, outer, inner []vec, plate, epiphysis float64) {
	d, c, u := g.d, centre(outer), longAxis(outer)
	lo, hi := extent(outer, c, u)
	cap := min(.09*(hi-lo), 14)
	a, e := lo+cap*d.uni(.7, 1.2), hi-cap*d.uni(.7, 1.2)
	for k, r := range [][2]float64{{a + plate/2, e - plate/2}, {lo - 9, a - plate/2}, {e + plate/2, hi + 9}} {
		o, in := clipped(outer, c, u, r), clipped(inner, c, u, r)
		if k > 0 {
			m := centre(within(outer, c, u, r))
			f := epiphysis * d.uni(.85, 1.03)
			o, in = scaled(o, m, f), scaled(in, m, f)
		}
		s.add(o, in, b.f)
	}
}

func scaled(p []vec, c vec, k float64) []vec {
	out := make([]vec, len(p))
	for i, q := range p {
		out[i] = c.lerp(q, k)
	}
	return out
}

func clipped(p []vec, c, u vec, r [2]float64) []vec {
	out := make([]vec, len(p))
	for i, q := range p {
		t := q.sub(c).dot(u)
		out[i] = q.add(u.mul(min(max(t, r[0]), r[1]) - t))
	}
	return out
}

func within(p []vec, c, u vec, r [2]float64) []vec {
	var out []vec
	for _, q := range p {
		if t := q.sub(c).dot(u); t > r[0] && t < r[1] {
			out = append(out, q)
		}
	}
	if out == nil {
		return p
	}
	return out
}

// isTrunk says whether a region is thick enough for the detector to starve.
func isTrunk(part string) bool {
	return strings.Contains("shoulder neck of femur pelvis head cervical lumbar spine chest thorax", part)
}
