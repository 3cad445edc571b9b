package radiograph

import (
	"math"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
)

// jewellery adds objects that patients wear or that are attached to them to 8 % of the images,
// and objects that hold them still to 5 %. Covered pixels are not scored.
func (s *Sheet) jewellery() {
	d := s.d
	if d.Chance(.08) {
		k := d.Choose(len(worn), func(k int) float64 {
			if s.trunk {
				return worn[k].trunk
			}
			return worn[k].limb
		})
		worn[k].draw(s, newDrawing(s.w, s.h))
	}
	if d.Chance(.05) {
		held[d.IntN(len(held))](s)
	}
}

// worn are the worn objects with their weights for limbs and for the trunk.
var worn = []struct {
	limb, trunk float64
	draw        func(*Sheet, *drawing)
}{
	{35, 0, (*Sheet).ring}, {25, 0, (*Sheet).bracelet}, {10, 14, (*Sheet).cable}, {6, 12, (*Sheet).buttons}, {6, 10, (*Sheet).zip},
	{2, 20, (*Sheet).necklace}, {0, 14, (*Sheet).brassiere}, {6, 8, (*Sheet).key}, {0, 18, (*Sheet).electrodes}, {4, 6, (*Sheet).coins},
}

// held are the objects that hold a patient still.
var held = []func(*Sheet){(*Sheet).sponge, (*Sheet).sponge, (*Sheet).sandbag, (*Sheet).hand}

// lay adds the attenuation of a drawing, mu per millimetre of thickness. Covered pixels are not
// scored.
func (s *Sheet) lay(g *drawing, mu float32) {
	k := mu / float32(s.millimetre())
	for i, t := range g.thick.V {
		s.path.V[i] += min(k*t, 8)
		if k*t > .02 && g.cover.V[i] > .15 || k*t > .1 {
			s.label[i] = dataset.Ignore
		}
	}
}

func (s *Sheet) gold() float32 { return float32(math.Exp(s.d.Uni(math.Log(.6), math.Log(5)))) }

// somewhere returns a random pixel of m or, if m is empty, of the picture.
func (s *Sheet) somewhere(m []bool) int {
	i := s.d.IntN(len(m))
	for range 300 {
		if m[i] {
			break
		}
		i = s.d.IntN(len(m))
	}
	return i
}

// ring draws a band across a finger, as wide as the bone and the soft tissue beside it.
func (s *Sheet) ring(g *drawing) {
	d, m := s.d, s.metalwork()
	f := s.diaphysisAt(m.bone, s.somewhere(m.bone))
	for range 12 { // fingers are narrow, so several places are tried
		if o := s.diaphysisAt(m.bone, s.somewhere(m.bone)); o.n() > 8 && (f.n() <= 8 || o.width() < f.width()) {
			f = o
		}
	}
	if f.n() == 0 {
		return
	}
	s.band(g, f, d.Uni(.2, .8), d.Uni(1.5, 2.2), d.Uni(.6, 2)*s.millimetre())
	s.lay(g, s.gold())
}

// band draws a ring around a shaft from the side; it is densest at its ends, where the beam
// passes along it.
func (s *Sheet) band(g *drawing, f diaphysis, t, wide, half float64) {
	lean := s.d.Gauss(0, .25)
	x0, y0 := f.at(t, -wide)
	x1, y1 := f.at(min(max(t+lean/4, 0), 1), wide)
	thin := .25 * half
	g.stroke(x0, y0, x1, y1, always(half), func(_, _ float64) float64 { return thin })
	if s.d.Chance(.5) { // seen obliquely: both sides are separate
		part := g.part()
		dx, dy := .12*(y1-y0), .12*(x0-x1)
		part.stroke(x0+dx, y0+dy, x1+dx, y1+dy, always(half), func(_, _ float64) float64 { return thin })
		g.merge(part)
	}
	for _, e := range [2][2]float64{{x0, y0}, {x1, y1}} {
		g.rod(e[0], e[1], e[0], e[1], always(half))
	}
}

// bracelet draws a chain or a band across the whole limb, sometimes with a watch.
func (s *Sheet) bracelet(g *drawing) {
	d, u := s.d, s.millimetre()
	limb := raster.Biggest(s.body, s.w, s.h)
	if limb == nil {
		return
	}
	f := s.diaphysisAt(limb, s.somewhere(limb))
	if f.n() < 4 {
		return
	}
	t, half := d.Uni(.1, .9), d.Uni(.6, 3)*u
	if d.Chance(.5) {
		x0, y0 := f.at(t, -1.03)
		x1, y1 := f.at(t, 1.03)
		s.chain(g, .7*half, [4][2]float64{{x0, y0}, {x0 + d.Gauss(0, 4)*u, y0 + d.Gauss(0, 4)*u}, {x1 + d.Gauss(0, 4)*u, y1 + d.Gauss(0, 4)*u}, {x1, y1}}, d.Chance(.7))
	} else {
		s.band(g, f, t, 1.03, half)
	}
	if d.Chance(.35) {
		x, y := f.at(t, d.Uni(-.8, .8))
		r := d.Uni(4, 9) * u
		part := g.part()
		part.bar(x, y, x, y, r, 2*u)
		part.bar(x, y, x, y, .6*r, 3*u)
		g.merge(part)
	}
	s.lay(g, s.gold())
}

// chain draws links or, if links is false, a cord along a cubic Bézier curve.
func (s *Sheet) chain(g *drawing, r float64, p [4][2]float64, links bool) {
	const n = 160
	part := g.part()
	x0, y0, run := p[0][0], p[0][1], 0.
	for k := 1; k <= n; k++ {
		t := float64(k) / n
		a, b, c, e := (1-t)*(1-t)*(1-t), 3*t*(1-t)*(1-t), 3*t*t*(1-t), t*t*t
		x, y := a*p[0][0]+b*p[1][0]+c*p[2][0]+e*p[3][0], a*p[0][1]+b*p[1][1]+c*p[2][1]+e*p[3][1]
		step := math.Hypot(x-x0, y-y0)
		switch run += step; {
		case !links:
			part.rod(x0, y0, x, y, always(r))
		case run > 2.3*r:
			part.rod(x, y, x, y, always(r))
			run = 0
		}
		x0, y0 = x, y
	}
	g.merge(part)
}

// across returns a curve from one border of the picture to another, or into the picture.
func (s *Sheet) across() (p [4][2]float64) {
	d, w, h := s.d, float64(s.w), float64(s.h)
	for k := range p {
		p[k] = [2]float64{d.Uni(.1, .9) * w, d.Uni(.1, .9) * h}
	}
	for _, k := range []int{0, 3} {
		if d.Chance(.75) {
			p[k] = [][2]float64{{d.Uni(0, w), -5}, {d.Uni(0, w), h + 5}, {-5, d.Uni(0, h)}, {w + 5, d.Uni(0, h)}}[d.IntN(4)]
		}
	}
	return p
}

// cable draws a lead, a tube or a line.
func (s *Sheet) cable(g *drawing) {
	for range s.d.Between(1, 4) {
		s.chain(g, s.d.Uni(.4, 1.6)*s.millimetre(), s.across(), false)
	}
	s.lay(g, float32(s.d.Uni(.06, .8)))
}

// electrodes draws snaps on gel pads with their cables.
func (s *Sheet) electrodes(g *drawing) {
	d, u := s.d, s.millimetre()
	wires := newDrawing(s.w, s.h)
	for range d.Between(1, 5) {
		i := s.somewhere(s.body)
		p := s.across()
		p[0] = [2]float64{float64(i % s.w), float64(i / s.w)}
		s.chain(wires, d.Uni(.4, .9)*u, p, false)
		x, y, r := p[0][0], p[0][1], d.Uni(1.2, 2.5)*u
		wires.bar(x, y, x, y, 3.2*r, .1*u)
		g.rod(x, y, x, y, always(r))
	}
	s.lay(wires, float32(d.Uni(.15, .6)))
	s.lay(g, s.gold())
}

// buttons draws a row of discs of plastic or metal with two or four holes.
func (s *Sheet) buttons(g *drawing) {
	d, u := s.d, s.millimetre()
	n, r, thick := d.Between(1, 7), d.Uni(2, 5)*u, d.Uni(.3, 1)*u
	x, y := d.Uni(.1, .9)*float64(s.w), d.Uni(.1, .9)*float64(s.h)
	sin, cos := math.Sincos(d.Uni(0, math.Pi))
	step, holes := r*d.Uni(3, 8), d.Pick(0, 2, 4)
	for k := range n {
		part := g.part()
		bx, by := x+float64(k)*step*cos+d.Gauss(0, .3)*r, y+float64(k)*step*sin+d.Gauss(0, .3)*r
		part.bar(bx, by, bx, by, r, thick)
		for h := range int(holes) {
			a, b := math.Sincos(2*math.Pi*float64(h)/holes + .6)
			part.punch(bx+.35*r*b, by+.35*r*a, .17*r)
		}
		g.merge(part)
	}
	s.lay(g, float32(math.Exp(d.Uni(math.Log(.15), math.Log(4)))))
}

// zip draws two rows of teeth along a curve, with a slider.
func (s *Sheet) zip(g *drawing) {
	d, u := s.d, s.millimetre()
	p, r := s.across(), d.Uni(.4, .9)*u
	s.chain(g, r, p, true)
	for k := range p {
		p[k][0] += 2.2 * r
		p[k][1] += .8 * r
	}
	s.chain(g, r, p, true)
	x, y := p[0][0]+.5*(p[3][0]-p[0][0]), p[0][1]+.5*(p[3][1]-p[0][1])
	g.bar(x, y, x, y+4*u, 2*u, u)
	s.lay(g, s.gold())
}

// necklace draws a necklace that hangs from two points in the upper part of the picture, often
// with a pendant.
func (s *Sheet) necklace(g *drawing) {
	d, w, h := s.d, float64(s.w), float64(s.h)
	x, y, r := d.Uni(.3, .7)*w, d.Uni(.15, .7)*h, d.Uni(.4, 1.1)*s.millimetre()
	a, b := d.Uni(.1, .3)*w, d.Uni(.15, .5)*h
	s.chain(g, r, [4][2]float64{{x - a, y - b}, {x - .8*a, y + .3*b}, {x + .8*a, y + .3*b}, {x + a, y - b}}, d.Chance(.7))
	if d.Chance(.5) {
		q := d.Uni(2, 5) * s.millimetre()
		g.bar(x, y+.1*b, x, y+.1*b+d.Uni(0, 2)*q, q, .7*s.millimetre())
	}
	s.lay(g, s.gold())
}

// brassiere draws its wires, hooks and slides.
func (s *Sheet) brassiere(g *drawing) {
	d, u := s.d, s.millimetre()
	x, y := d.Uni(.35, .65)*float64(s.w), d.Uni(.3, .8)*float64(s.h)
	a, r := d.Uni(20, 45)*u, d.Uni(.35, .7)*u
	wires := d.Chance(.6)
	for _, side := range []float64{-1, 1} {
		if wires {
			s.chain(g, r, [4][2]float64{{x + side*.2*a, y - .5*a}, {x + side*.3*a, y + .4*a}, {x + side*1.4*a, y + .5*a}, {x + side*1.6*a, y - .3*a}}, false)
		}
		sx, sy := x+side*d.Uni(.6, 1.1)*a, y-d.Uni(.8, 1.6)*a
		g.bar(sx-2.5*u, sy, sx+2.5*u, sy, 2*u, u)
		g.punch(sx, sy, 1.2*u)
	}
	for k := range d.Between(0, 4) {
		g.wire(.5*u, x, y+float64(4*k)*u, x+3*u, y+float64(4*k)*u, x+3*u, y+float64(4*k+1)*u)
	}
	s.lay(g, s.gold())
}

// key draws one or two keys or a tag on a ring.
func (s *Sheet) key(g *drawing) {
	d, u := s.d, s.millimetre()
	x, y := d.Uni(.05, .95)*float64(s.w), d.Uni(.05, .95)*float64(s.h)
	for range d.Between(1, 4) {
		part := g.part()
		sin, cos := math.Sincos(d.Uni(0, 2*math.Pi))
		head, long := d.Uni(4, 7)*u, d.Uni(12, 25)*u
		kx, ky := x+1.2*head*cos, y+1.2*head*sin
		part.bar(kx, ky, kx, ky, head, .8*u)
		part.bar(kx, ky, kx+long*cos, ky+long*sin, .3*head, .8*u)
		for range d.Between(2, 5) {
			t := d.Uni(.5, 1) * long
			part.bar(kx+t*cos, ky+t*sin, kx+t*cos-.5*head*sin, ky+t*sin+.5*head*cos, .12*head, .8*u)
		}
		part.punch(x+.6*head*cos, y+.6*head*sin, .25*head)
		g.merge(part)
	}
	s.lay(g, s.gold())
}

// coins draws coins in a pocket, flat or on edge.
func (s *Sheet) coins(g *drawing) {
	d, u := s.d, s.millimetre()
	x, y := d.Uni(.05, .95)*float64(s.w), d.Uni(.05, .95)*float64(s.h)
	for range d.Between(1, 5) {
		part, r := g.part(), d.Uni(4, 9)*u
		cx, cy, long := x+d.Gauss(0, 8)*u, y+d.Gauss(0, 8)*u, 0.
		if d.Chance(.3) {
			long, r = r, u
		}
		sin, cos := math.Sincos(d.Uni(0, math.Pi))
		part.bar(cx-long*cos, cy-long*sin, cx+long*cos, cy+long*sin, r, .8*u)
		g.merge(part)
	}
	s.lay(g, s.gold())
}
