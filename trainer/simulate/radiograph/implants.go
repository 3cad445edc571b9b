package radiograph

import "math"

// wires draws one to four Kirschner wires, oblique through the bone, some with bent ends.
func (m *metalwork) wires(f diaphysis) {
	d, u := m.d, m.mm
	r := d.Uni(.3, .8) * u
	place := d.Float64()
	for range d.Between(1, 5) {
		t := min(max(place+d.Gauss(0, .1), 0), 1)
		x, y := f.at(t, d.Uni(-.6, .6))
		sin, cos := math.Sincos(f.turn(t) + d.Pick(-1, 1)*d.Uni(.1, 1.1))
		in, out := d.Uni(4, 30)*u, d.Uni(2, 25)*u
		ex, ey := x+out*cos, y+out*sin
		line := []float64{x - in*cos, y - in*sin, x + d.Gauss(0, .6)*u, y + d.Gauss(0, .6)*u, ex, ey}
		if d.Chance(.35) {
			sin, cos = math.Sincos(math.Atan2(sin, cos) + d.Pick(-1, 1)*d.Uni(.8, 2.6))
			line = append(line, ex+3*u*cos, ey+3*u*sin)
		}
		m.wire(r, line...)
	}
}

// screws draws one to four single screws across or oblique to the bone.
func (m *metalwork) screws(f diaphysis) {
	d := m.d
	place, r := d.Float64(), m.screwRadius(f)
	for range d.Between(1, 5) {
		t := min(max(place+d.Gauss(0, .12), 0), 1)
		across, length := f.turn(t)+math.Pi/2+d.Gauss(0, .45), max(f.width()*d.Uni(1.4, 2.6), 4*r)
		x, y := f.at(t, d.Uni(-.3, .3))
		sin, cos := math.Sincos(across)
		m.screw(x-length/2*cos, y-length/2*sin, x+length/2*cos, y+length/2*sin, r)
	}
}

func (m *metalwork) screwRadius(f diaphysis) float64 {
	return max(min(m.d.Uni(.12, .3)*f.width(), 2.2*m.mm), .5*m.mm)
}

// screw draws a threaded rod with a head at its start.
func (m *metalwork) screw(x0, y0, x1, y1, r float64) {
	d, part := m.d, m.part()
	length := math.Hypot(x1-x0, y1-y0)
	turns, smooth := length/(d.Uni(1, 1.6)*r), d.Pick(0, 0, .5)
	part.rod(x0, y0, x1, y1, func(t float64) float64 {
		if t < smooth {
			return .8 * r
		}
		return r * (1 + .25*math.Sin(2*math.Pi*turns*t)) * min(1, .2+(1-t)*length/(2*r))
	})
	k := min(1, r/max(length, 1))
	part.rod(x0, y0, x0+k*(x1-x0), y0+k*(y1-y0), always(r*d.Uni(1.5, 2.1)))
	m.merge(part)
}

// plate draws a plate along the shaft, from the side or the front, with screws in most of its
// holes.
func (m *metalwork) plate(f diaphysis) {
	d := m.d
	long := d.Uni(.3, .9)
	from := d.Uni(0, 1-long)
	if d.Chance(.5) {
		m.plateEdge(f, from, from+long)
	} else {
		m.plateFace(f, from, from+long)
	}
}

// pieces calls draw for sections of the shaft from one fraction to another, off half widths
// beside it.
func (f *diaphysis) pieces(from, to, off float64, draw func(x0, y0, x1, y1 float64)) {
	n := max(int((to-from)*f.length()/4), 1)
	for k := range n {
		x0, y0 := f.at(from+(to-from)*float64(k)/float64(n), off)
		x1, y1 := f.at(from+(to-from)*float64(k+1)/float64(n), off)
		draw(x0, y0, x1, y1)
	}
}

func (m *metalwork) plateEdge(f diaphysis, from, to float64) {
	d, u, side := m.d, m.mm, m.d.Pick(-1, 1)
	half, body := d.Uni(.4, 1.1)*u, m.part()
	thick := d.Uni(2, 5) * u
	f.pieces(from, to, side*1.08, func(x0, y0, x1, y1 float64) { body.bar(x0, y0, x1, y1, half, thick) })
	m.merge(body)
	r := m.screwRadius(f)
	n, deep := d.Between(3, 10), d.Uni(-1.15, .1)
	for k := range n {
		if d.Chance(.2) {
			continue
		}
		t := from + (to-from)*(float64(k)+.5)/float64(n)
		x0, y0 := f.at(t, side*1.15)
		x1, y1 := f.at(min(max(t+d.Gauss(0, .01), 0), 1), side*deep)
		m.screw(x0, y0, x1, y1, r)
	}
}

func (m *metalwork) plateFace(f diaphysis, from, to float64) {
	d, u := m.d, m.mm
	half, thick, off := max(d.Uni(.3, .7)*f.width(), u), d.Uni(.5, 1.5)*u, d.Uni(-.5, .5)
	body := m.part()
	f.pieces(from, to, off, func(x0, y0, x1, y1 float64) { body.bar(x0, y0, x1, y1, half, thick) })
	n := max(int((to-from)*f.length()/(half*d.Uni(2.6, 4))), 1)
	r, full := half*d.Uni(.4, .65), d.Uni(.4, 1)
	for k := range n {
		x, y := f.at(from+(to-from)*(float64(k)+.5)/float64(n), off)
		body.punch(x, y, r)
		if d.Chance(full) {
			body.rod(x, y, x+d.Gauss(0, .3)*r, y+d.Gauss(0, .3)*r, always(r*.9))
		}
	}
	m.merge(body)
}

// nail draws a nail in the marrow, with locking screws at its ends.
func (m *metalwork) nail(f diaphysis) {
	d := m.d
	half, body := max(d.Uni(.28, .6)*f.width(), .6*m.mm), m.part()
	from, to := d.Uni(-.05, .25), d.Uni(.7, 1.05)
	off, hollow := d.Gauss(0, .12), d.Chance(.4)
	f.pieces(from, to, off, func(x0, y0, x1, y1 float64) { body.rod(x0, y0, x1, y1, always(half)) })
	if hollow {
		bore := m.part()
		f.pieces(from, to, off, func(x0, y0, x1, y1 float64) { bore.rod(x0, y0, x1, y1, always(half*.5)) })
		for i, t := range bore.thick.V {
			body.thick.V[i] -= min(.9*t, body.thick.V[i])
		}
	}
	m.merge(body)
	r := half * d.Uni(.3, .5)
	for _, t := range []float64{from + .04, from + .1, to - .1, to - .04} {
		if d.Chance(.6) {
			x0, y0 := f.at(t, 1.2)
			x1, y1 := f.at(t+d.Gauss(0, .01), -1.2)
			m.screw(x0, y0, x1, y1, r)
		}
	}
}

// cerclage draws wire around the bone, usually with two pins, as a tension band or around a
// fracture.
func (m *metalwork) cerclage(f diaphysis) {
	d, u := m.d, m.mm
	r, place := d.Uni(.25, .5)*u, d.Uni(.1, .9)
	for range d.Between(1, 5) {
		t, lean := min(max(place+d.Gauss(0, .08), 0), 1), d.Gauss(0, .25)
		width, flat, a := 1.05, d.Uni(.03, .3), f.turn(t)
		k := min(max(int(t*float64(f.n()-1)), 0), f.n()-1)
		var ring []float64
		for j := range 25 {
			sin, cos := math.Sincos(2 * math.Pi * float64(j) / 24)
			across, along := width*f.half[k]*cos, f.half[k]*(flat*sin+lean*cos)
			sa, ca := math.Sincos(a)
			ring = append(ring, f.x[k]+along*ca-across*sa, f.y[k]+along*sa+across*ca)
		}
		m.wire(r, ring...)
		tx, ty := ring[0], ring[1] // the twisted ends
		m.wire(1.6*r, tx, ty, tx+d.Gauss(0, 2.5)*u, ty+d.Gauss(0, 2.5)*u)
	}
	if d.Chance(.6) {
		m.wires(f)
	}
}

// staples draws a row that closes a wound, or one or two that hold the bone.
func (m *metalwork) staples(f diaphysis) {
	d, u := m.d, m.mm
	n, size, r := d.Between(6, 26), d.Uni(1.5, 3.5)*u, d.Uni(.25, .45)*u
	if d.Chance(.3) {
		n, size, r = d.Between(1, 3), d.Uni(4, 9)*u, d.Uni(.5, 1)*u
	}
	t0, off, bend := d.Float64(), d.Uni(-2.5, 2.5), d.Gauss(0, 1.5)
	step := size * d.Uni(.9, 2) / max(f.length(), 20*u)
	for k := range n {
		t := t0 + step*(float64(k)-float64(n)/2)
		x, y := f.at(t, off+bend*t)
		if t < 0 || t > 1 {
			continue
		}
		sin, cos := math.Sincos(f.turn(t) + math.Pi/2 + d.Gauss(0, .2))
		leg, ls, lc := size*d.Uni(.1, .6), -sin, cos
		m.wire(r, x-size/2*cos+leg*ls, y-size/2*sin+leg*lc, x-size/2*cos, y-size/2*sin, x+size/2*cos, y+size/2*sin, x+size/2*cos+leg*ls, y+size/2*sin+leg*lc)
	}
}

// fixator draws an external fixator: pins from the bone through the skin to a bar.
func (m *metalwork) fixator(f diaphysis) {
	d, u, side := m.d, m.mm, m.d.Pick(-1, 1)
	r, far := d.Uni(.5, 1.1)*u, d.Uni(3, 7)
	n := d.Between(2, 6)
	var bar []float64
	for k := range n {
		t := (float64(k) + d.Uni(.2, .8)) / float64(n)
		x0, y0 := f.at(t, -side*1.1)
		x1, y1 := f.at(t, side*far)
		m.wire(r, x0, y0, x1, y1)
		x1, y1 = f.at(t, side*far*.9)
		bar = append(bar, x1, y1)
	}
	if d.Chance(.8) {
		m.wire(d.Uni(1.2, 2.5)*u, bar...)
	}
}

// prosthesis draws a stem in the bone with a head at its end, and often a cup around the head.
func (m *metalwork) prosthesis(f diaphysis) {
	d := m.d
	end, deep := 0., d.Uni(.3, .8)
	if f.half[f.n()-1] > f.half[0] { // bones widen at joints
		end, deep = 1, 1-deep
	}
	w := f.width()
	half, body := w*d.Uni(.4, .7), m.part()
	n := 24
	for k := range n {
		t0, t1 := float64(k)/float64(n), float64(k+1)/float64(n)
		x0, y0 := f.at(end+(deep-end)*t0, 0)
		x1, y1 := f.at(end+(deep-end)*t1, 0)
		body.rod(x0, y0, x1, y1, always(half*(1.2-.7*t0)))
	}
	x, y := f.at(end, 0)
	sin, cos := math.Sincos(f.turn(end) + d.Gauss(0, .5))
	if end == 0 {
		sin, cos = -sin, -cos
	}
	neck, head := w*d.Uni(.8, 1.6), w*d.Uni(.8, 1.3)
	hx, hy := x+neck*cos, y+neck*sin
	body.rod(x, y, hx, hy, always(half*.6))
	body.rod(hx, hy, hx, hy, always(head))
	m.merge(body)
	if d.Chance(.6) {
		a := math.Atan2(sin, cos) + d.Gauss(0, .4)
		var cup []float64
		for k := range 17 {
			s, c := math.Sincos(a + math.Pi*(float64(k)/16-.5))
			cup = append(cup, hx+1.35*head*c, hy+1.35*head*s)
		}
		m.wire(head*d.Uni(.1, .25), cup...)
	}
}

// fragments draws shot, splinters and other metal in soft tissue.
func (m *metalwork) fragments(f diaphysis) {
	d, u := m.d, m.mm
	t, spread := d.Float64(), d.Uni(2, 25)*u
	for range d.Between(1, 14) {
		x, y := f.at(t, 0)
		x, y = x+d.Gauss(0, spread), y+d.Gauss(0, spread)
		if !m.s.has(m.s.body, x, y) {
			continue
		}
		r := d.Uni(.4, 1.8) * u
		m.rod(x, y, x+d.Gauss(0, r), y+d.Gauss(0, r), always(r))
	}
}
