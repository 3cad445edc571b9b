package radiograph

import (
	"math"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
)

// collimate shadows 62 % of the images outside a field of random shape. Pixels with less than
// 0.8 of the beam are not scored. Outside the field there is leakage and, near it, scatter.
func (s *Sheet) collimate(I raster.Plane) {
	d := s.d
	s.beam = make([]bool, len(I.V))
	for i := range s.beam {
		s.beam[i] = true
	}
	if s.twins == nil && !d.Chance(.62) {
		return
	}
	c, least := s.field(), .12
	if s.trunk { // less would cut what the picture is taken for
		least = .55
	}
	if raster.Share(c, .5) < least {
		return
	}
	s.shade = c.V
	leak := float32(d.Pick(0, .003, .02, .06) * d.Uni(.5, 1.5))
	inside := I.Clone()
	for i, t := range c.V {
		inside.V[i] *= t
	}
	glow, scatter := s.blur(inside, math.Exp(d.Uni(math.Log(3), math.Log(25)))), float32(d.Pick(0, .01, .04, .1)*d.Uni(.3, 1.5))
	for i, t := range c.V {
		I.V[i] = inside.V[i] + (1-t)*(leak*raster.Exp32(-.3*s.path.V[i])+scatter*glow.V[i])
		if s.beam[i] = t >= .8; !s.beam[i] {
			s.label[i] = dataset.Ignore
		}
	}
}

// blade is a straight edge of a collimator: points whose coordinate along its normal is less
// than at are exposed. Lengths are fractions of half the longer side, from the centre. soft is
// the width of the penumbra.
type blade struct{ cos, sin, at, soft float64 }

func newBlade(angle, at, soft float64) blade {
	sin, cos := math.Sincos(angle)
	return blade{cos, sin, at, soft}
}

// field returns the transmission of the collimator, 0 to 1: the product over its blades.
func (s *Sheet) field() raster.Plane {
	d := s.d
	soft := d.Uni(.3, 4) / 100
	if d.Chance(.2) {
		soft = d.Uni(4, 10) / 100
	}
	var blades []blade
	round := d.Chance(.08)
	switch m := d.Float64(); {
	case s.twins != nil || round:
	case m < .84:
		blades = s.jaws(soft)
	case m < .92:
		blades = s.iris(soft)
	default:
		blades = s.polygon(soft)
	}
	out := raster.New(s.w, s.h).Each(func(float32) float32 { return 1 })
	for _, b := range blades {
		s.shut(out, b.soft, func(x, y float64) float64 { return x*b.cos + y*b.sin - b.at })
	}
	if round {
		s.shut(out, soft, s.ellipse())
	}
	if s.twins != nil {
		b, half := *s.twins, d.Uni(.01, .08)
		s.shut(out, b.soft, func(x, y float64) float64 { return half - math.Abs(x*b.cos+y*b.sin-b.at) })
	}
	return out
}

// shut multiplies out by the penumbra of an edge; beyond returns the signed distance outside
// it.
func (s *Sheet) shut(out raster.Plane, soft float64, beyond func(x, y float64) float64) {
	for i := range out.V {
		switch t := 2 * beyond(s.at(i)) / soft; {
		case t > 20:
			out.V[i] = 0
		case t > -20:
			out.V[i] /= float32(1 + math.Exp(t))
		}
	}
}

// jaws returns up to four sides at a random angle, in a fifth of the images each not quite at
// right angles. In 15 % only some of the penumbrae are sharp.
func (s *Sheet) jaws(soft float64) []blade {
	d := s.d
	turn := d.Gauss(0, .05)
	if d.Chance(.25) {
		turn = d.Uni(-math.Pi/4, math.Pi/4)
	}
	skew, uneven := 0., d.Chance(.15)
	if d.Chance(.2) {
		skew = d.Uni(.02, .2)
	}
	p := d.Pick(.3, .6, 1)
	var out []blade
	for k := range 4 {
		if !d.Chance(p) && !(k == 3 && len(out) == 0) {
			continue
		}
		in := d.Uni(5, 60)
		if d.Chance(.5) {
			in = d.Uni(1, 12)
		}
		size := float64([2]int{s.w, s.h}[k%2]) / float64(max(s.w, s.h))
		b := newBlade(turn+float64(k)*math.Pi/2+d.Gauss(0, 1)*skew, (1-in/100)*size, soft)
		if uneven {
			b.soft *= d.Uni(.3, 3)
		}
		out = append(out, b)
	}
	return out
}

// iris returns a regular polygon with six to eight sides.
func (s *Sheet) iris(soft float64) []blade {
	d := s.d
	n, turn, r := d.Between(6, 9), d.Uni(0, math.Pi), d.Uni(.55, 1.05)
	x, y := d.Gauss(0, .07), d.Gauss(0, .07)
	var out []blade
	for k := range n {
		b := newBlade(turn+2*math.Pi*float64(k)/float64(n), r, soft)
		b.at += x*b.cos + y*b.sin
		out = append(out, b)
	}
	return out
}

// polygon returns three to seven sides in random directions.
func (s *Sheet) polygon(soft float64) []blade {
	d := s.d
	var out []blade
	for range d.Between(3, 8) {
		out = append(out, newBlade(d.Uni(0, 2*math.Pi), d.Uni(.4, 1), soft))
	}
	return out
}

// ellipse returns an approximate distance outside a circle or an ellipse.
func (s *Sheet) ellipse() func(x, y float64) float64 {
	d := s.d
	rx := d.Uni(.6, 1.1)
	ry, turn := rx, 0.
	if d.Chance(.5) {
		ry, turn = rx*d.Uni(.6, .95), d.Uni(0, math.Pi)
	}
	sin, cos := math.Sincos(turn)
	cx, cy := d.Gauss(0, .07), d.Gauss(0, .07)
	return func(x, y float64) float64 {
		x, y = x-cx, y-cy
		return (math.Hypot((x*cos+y*sin)/rx, (y*cos-x*sin)/ry) - 1) * math.Sqrt(rx*ry)
	}
}

// twin turns 1.5 % of the limbs into two exposures on one plate, left and right. The half of
// the picture with less bone becomes the mirror image of the other, and field leaves an
// unexposed strip between them.
func (s *Sheet) twin() {
	d := s.d
	if s.trunk || !d.Chance(.015) {
		return
	}
	upright := d.Chance(.5) // mirrored across a horizontal line
	s.twins = &blade{cos: 1, soft: d.Uni(.3, 3) / 100}
	if upright {
		s.twins = &blade{sin: 1, soft: s.twins.soft}
	}
	mirror := func(i int) (j int, first bool) {
		x, y := i%s.w, i/s.w
		if upright {
			return (s.h-1-y)*s.w + x, 2*y < s.h
		}
		return y*s.w + s.w - 1 - x, 2*x < s.w
	}
	balance := float32(0)
	for i, b := range s.bone.V {
		if _, first := mirror(i); first {
			balance += b
		} else {
			balance -= b
		}
	}
	for i := range s.label {
		if j, first := mirror(i); first != (balance > 0) {
			s.skin.V[i], s.bone.V[i], s.marrow.V[i] = s.skin.V[j], s.bone.V[j], s.marrow.V[j]
			s.outside[i], s.unmapped[i] = s.outside[j], s.unmapped[j]
		}
	}
}
