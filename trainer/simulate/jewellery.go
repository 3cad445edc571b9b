package simulate

import "math"

// jewellery is what patients wear and what is tied to them, in 8 % of the images, and what holds them still,
// in 5 %. The label ignores what it hides.
func (s *sheet) jewellery() {
	d := s.d
	if d.chance(.08) {
		k := d.choose(len(worn), func(k int) float64 {
			if s.trunk {
				return worn[k].trunk
			}
			return worn[k].limb
		})
		worn[k].draw(s, newDrawing(s.w, s.h))
	}
	if d.chance(.05) {
		held[d.IntN(len(held))](s)
	}
}

// worn are things with their weights on limbs and on the trunk.
var worn = []struct {
	limb, trunk float64
	draw        func(*sheet, *drawing)
}{
	{35, 0, (*sheet).ring}, {25, 0, (*sheet).bracelet}, {10, 14, (*sheet).cable}, {6, 12, (*sheet).buttons}, {6, 10, (*sheet).zip},
	{2, 20, (*sheet).necklace}, {0, 14, (*sheet).brassiere}, {6, 8, (*sheet).key}, {0, 18, (*sheet).electrodes}, {4, 6, (*sheet).coins},
}

// held are the things that hold a patient still.
var held = []func(*sheet){(*sheet).sponge, (*sheet).sponge, (*sheet).sandbag, (*sheet).hand}

// lay adds a drawing's attenuation, mu per millimetre of its thickness; the label ignores what it covers.
func (s *sheet) lay(g *drawing, mu float32) {
	k := mu / float32(s.millimetre())
	for i, t := range g.thick.v {
		s.path.v[i] += min(k*t, 8)
		if k*t > .02 && g.cover.v[i] > .15 || k*t > .1 {
			s.label[i] = labelIgnore
		}
	}
}

func (s *sheet) gold() float32 { return float32(math.Exp(s.d.uni(math.Log(.6), math.Log(5)))) }

// somewhere is a pixel of m, else of the picture.
func (s *sheet) somewhere(m []bool) int {
	i := s.d.IntN(len(m))
	for range 300 {
		if m[i] {
			break
		}
		i = s.d.IntN(len(m))
	}
	return i
}

// ring is a band across a finger: as wide as the bone and the flesh beside it.
func (s *sheet) ring(g *drawing) {
	d, m := s.d, s.metalwork()
	f := s.diaphysisAt(m.bone, s.somewhere(m.bone))
	for range 12 { // fingers are narrow
		if o := s.diaphysisAt(m.bone, s.somewhere(m.bone)); o.n() > 8 && (f.n() <= 8 || o.width() < f.width()) {
			f = o
		}
	}
	if f.n() == 0 {
		return
	}
	s.band(g, f, d.uni(.2, .8), d.uni(1.5, 2.2), d.uni(.6, 2)*s.millimetre())
	s.lay(g, s.gold())
}

// band is a ring around a shaft, seen from its side: densest at its ends, where the beam runs along it.
func (s *sheet) band(g *drawing, f diaphysis, t, wide, half float64) {
	lean := s.d.gauss(0, .25)
	x0, y0 := f.at(t, -wide)
	x1, y1 := f.at(min(max(t+lean/4, 0), 1), wide)
	thin := .25 * half
	g.stroke(x0, y0, x1, y1, always(half), func(_, _ float64) float64 { return thin })
	if s.d.chance(.5) { // seen from above: both sides apart
		part := g.part()
		dx, dy := .12*(y1-y0), .12*(x0-x1)
		part.stroke(x0+dx, y0+dy, x1+dx, y1+dy, always(half), func(_, _ float64) float64 { return thin })
		g.merge(part)
	}
	for _, e := range [2][2]float64{{x0, y0}, {x1, y1}} {
		g.rod(e[0], e[1], e[0], e[1], always(half))
	}
}

// bracelet goes across the whole limb, a chain or a band, sometimes with a watch on it.
func (s *sheet) bracelet(g *drawing) {
	d, u := s.d, s.millimetre()
	limb := biggest(s.body, s.w, s.h)
	if limb == nil {
		return
	}
	f := s.diaphysisAt(limb, s.somewhere(limb))
	if f.n() < 4 {
		return
	}
	t, half := d.uni(.1, .9), d.uni(.6, 3)*u
	if d.chance(.5) {
		x0, y0 := f.at(t, -1.03)
		x1, y1 := f.at(t, 1.03)
		s.chain(g, .7*half, [4][2]float64{{x0, y0}, {x0 + d.gauss(0, 4)*u, y0 + d.gauss(0, 4)*u}, {x1 + d.gauss(0, 4)*u, y1 + d.gauss(0, 4)*u}, {x1, y1}}, d.chance(.7))
	} else {
		s.band(g, f, t, 1.03, half)
	}
	if d.chance(.35) {
		x, y := f.at(t, d.uni(-.8, .8))
		r := d.uni(4, 9) * u
		part := g.part()
		part.bar(x, y, x, y, r, 2*u)
		part.bar(x, y, x, y, .6*r, 3*u)
		g.merge(part)
	}
	s.lay(g, s.gold())
}

// chain runs along a cubic Bézier curve: links or, without them, a cord.
func (s *sheet) chain(g *drawing, r float64, p [4][2]float64, links bool) {
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

// across is a curve from one border of the picture to another or into it.
func (s *sheet) across() (p [4][2]float64) {
	d, w, h := s.d, float64(s.w), float64(s.h)
	for k := range p {
		p[k] = [2]float64{d.uni(.1, .9) * w, d.uni(.1, .9) * h}
	}
	for _, k := range []int{0, 3} {
		if d.chance(.75) {
			p[k] = [][2]float64{{d.uni(0, w), -5}, {d.uni(0, w), h + 5}, {-5, d.uni(0, h)}, {w + 5, d.uni(0, h)}}[d.IntN(4)]
		}
	}
	return p
}

// cable is a lead, a tube or a line.
func (s *sheet) cable(g *drawing) {
	for range s.d.between(1, 4) {
		s.chain(g, s.d.uni(.4, 1.6)*s.millimetre(), s.across(), false)
	}
	s.lay(g, float32(s.d.uni(.06, .8)))
}

// electrodes are snaps on gel pads with their cables.
func (s *sheet) electrodes(g *drawing) {
	d, u := s.d, s.millimetre()
	wires := newDrawing(s.w, s.h)
	for range d.between(1, 5) {
		i := s.somewhere(s.body)
		p := s.across()
		p[0] = [2]float64{float64(i % s.w), float64(i / s.w)}
		s.chain(wires, d.uni(.4, .9)*u, p, false)
		x, y, r := p[0][0], p[0][1], d.uni(1.2, 2.5)*u
		wires.bar(x, y, x, y, 3.2*r, .1*u)
		g.rod(x, y, x, y, always(r))
	}
	s.lay(wires, float32(d.uni(.15, .6)))
	s.lay(g, s.gold())
}

// buttons are a row of discs with two or four holes, of plastic or metal.
func (s *sheet) buttons(g *drawing) {
	d, u := s.d, s.millimetre()
	n, r, thick := d.between(1, 7), d.uni(2, 5)*u, d.uni(.3, 1)*u
	x, y := d.uni(.1, .9)*float64(s.w), d.uni(.1, .9)*float64(s.h)
	sin, cos := math.Sincos(d.uni(0, math.Pi))
	step, holes := r*d.uni(3, 8), d.pick(0, 2, 4)
	for k := range n {
		part := g.part()
		bx, by := x+float64(k)*step*cos+d.gauss(0, .3)*r, y+float64(k)*step*sin+d.gauss(0, .3)*r
		part.bar(bx, by, bx, by, r, thick)
		for h := range int(holes) {
			a, b := math.Sincos(2*math.Pi*float64(h)/holes + .6)
			part.punch(bx+.35*r*b, by+.35*r*a, .17*r)
		}
		g.merge(part)
	}
	s.lay(g, float32(math.Exp(d.uni(math.Log(.15), math.Log(4)))))
}

// zip is two rows of teeth along a curve, with a slider.
func (s *sheet) zip(g *drawing) {
	d, u := s.d, s.millimetre()
	p, r := s.across(), d.uni(.4, .9)*u
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

// necklace hangs from two places at the picture's upper part, often with a pendant.
func (s *sheet) necklace(g *drawing) {
	d, w, h := s.d, float64(s.w), float64(s.h)
	x, y, r := d.uni(.3, .7)*w, d.uni(.15, .7)*h, d.uni(.4, 1.1)*s.millimetre()
	a, b := d.uni(.1, .3)*w, d.uni(.15, .5)*h
	s.chain(g, r, [4][2]float64{{x - a, y - b}, {x - .8*a, y + .3*b}, {x + .8*a, y + .3*b}, {x + a, y - b}}, d.chance(.7))
	if d.chance(.5) {
		q := d.uni(2, 5) * s.millimetre()
		g.bar(x, y+.1*b, x, y+.1*b+d.uni(0, 2)*q, q, .7*s.millimetre())
	}
	s.lay(g, s.gold())
}

// brassiere is its wires, hooks and slides.
func (s *sheet) brassiere(g *drawing) {
	d, u := s.d, s.millimetre()
	x, y := d.uni(.35, .65)*float64(s.w), d.uni(.3, .8)*float64(s.h)
	a, r := d.uni(20, 45)*u, d.uni(.35, .7)*u
	wires := d.chance(.6)
	for _, side := range []float64{-1, 1} {
		if wires {
			s.chain(g, r, [4][2]float64{{x + side*.2*a, y - .5*a}, {x + side*.3*a, y + .4*a}, {x + side*1.4*a, y + .5*a}, {x + side*1.6*a, y - .3*a}}, false)
		}
		sx, sy := x+side*d.uni(.6, 1.1)*a, y-d.uni(.8, 1.6)*a
		g.bar(sx-2.5*u, sy, sx+2.5*u, sy, 2*u, u)
		g.punch(sx, sy, 1.2*u)
	}
	for k := range d.between(0, 4) {
		g.wire(.5*u, x, y+float64(4*k)*u, x+3*u, y+float64(4*k)*u, x+3*u, y+float64(4*k+1)*u)
	}
	s.lay(g, s.gold())
}

// key is one of two keys or a tag on a ring.
func (s *sheet) key(g *drawing) {
	d, u := s.d, s.millimetre()
	x, y := d.uni(.05, .95)*float64(s.w), d.uni(.05, .95)*float64(s.h)
	for range d.between(1, 4) {
		part := g.part()
		sin, cos := math.Sincos(d.uni(0, 2*math.Pi))
		head, long := d.uni(4, 7)*u, d.uni(12, 25)*u
		kx, ky := x+1.2*head*cos, y+1.2*head*sin
		part.bar(kx, ky, kx, ky, head, .8*u)
		part.bar(kx, ky, kx+long*cos, ky+long*sin, .3*head, .8*u)
		for range d.between(2, 5) {
			t := d.uni(.5, 1) * long
			part.bar(kx+t*cos, ky+t*sin, kx+t*cos-.5*head*sin, ky+t*sin+.5*head*cos, .12*head, .8*u)
		}
		part.punch(x+.6*head*cos, y+.6*head*sin, .25*head)
		g.merge(part)
	}
	s.lay(g, s.gold())
}

// coins lie in a pocket, flat or on edge.
func (s *sheet) coins(g *drawing) {
	d, u := s.d, s.millimetre()
	x, y := d.uni(.05, .95)*float64(s.w), d.uni(.05, .95)*float64(s.h)
	for range d.between(1, 5) {
		part, r := g.part(), d.uni(4, 9)*u
		cx, cy, long := x+d.gauss(0, 8)*u, y+d.gauss(0, 8)*u, 0.
		if d.chance(.3) {
			long, r = r, u
		}
		sin, cos := math.Sincos(d.uni(0, math.Pi))
		part.bar(cx-long*cos, cy-long*sin, cx+long*cos, cy+long*sin, r, .8*u)
		g.merge(part)
	}
	s.lay(g, s.gold())
}
