package simulate

import "math"

// metal operates on 11 % of the patients. Metal counts as bone, also where it leaves the body.
func (s *sheet) metal() {
	if s.d.chance(.11) {
		s.implant()
	}
}

// implants are what metal draws, with how often; each draws around a stretch of bone that is at least slim
// times as long as it is half wide.
var implants = []struct {
	weight, slim float64
	draw         func(*metalwork, diaphysis)
}{
	{22, 0, (*metalwork).wires}, {14, 0, (*metalwork).screws}, {24, 5, (*metalwork).plate}, {14, 6, (*metalwork).nail},
	{8, 3, (*metalwork).cerclage}, {7, 0, (*metalwork).staples}, {7, 4, (*metalwork).fixator}, {6, 5, (*metalwork).prosthesis},
	{5, 0, (*metalwork).fragments},
}

// metalwork is metal in the making: its thickness along the rays in pixels, and how much of each pixel it
// covers.
type metalwork struct {
	s     *sheet
	d     dice
	thick plane
	cover plane
	bone  []bool
}

func (s *sheet) metalwork() *metalwork {
	m := &metalwork{s: s, d: s.d, thick: newPlane(s.w, s.h), cover: newPlane(s.w, s.h), bone: make([]bool, len(s.label))}
	for i, t := range s.bone.v {
		m.bone[i] = t > .7
	}
	return m
}

func (s *sheet) implant() {
	m := s.metalwork()
	var bones []int
	for i, b := range m.bone {
		if b {
			bones = append(bones, i)
		}
	}
	if len(bones) > 0 {
		m.operate(m.longest(bones))
		m.finish()
	}
}

func (m *metalwork) operate(f diaphysis) {
	slim, total := f.length()/(f.width()+.1), 0.
	for _, k := range implants {
		if slim >= k.slim {
			total += k.weight
		}
	}
	x := m.d.uni(0, total)
	for _, k := range implants {
		if slim < k.slim {
			continue
		}
		if x -= k.weight; x < 0 {
			k.draw(m, f)
			return
		}
	}
}

// longest is the longest, for its width, of the stretches of bone around a few random places.
func (m *metalwork) longest(bones []int) (best diaphysis) {
	ratio := -1.
	for range m.d.between(2, 8) {
		f := m.s.diaphysisAt(m.bone, bones[m.d.IntN(len(bones))])
		if f.n() == 0 {
			continue
		}
		if r := f.length() / (f.width() + 1); r > ratio {
			best, ratio = f, r
		}
	}
	if best.n() == 0 {
		i := bones[m.d.IntN(len(bones))]
		best.add(float64(i%m.s.w), float64(i/m.s.w), 1, 0, 4*m.s.unit)
	}
	return best
}

// finish adds titanium's or steel's attenuation and the label.
func (m *metalwork) finish() {
	s := m.s
	s.steel = make([]bool, len(s.label))
	mu := float32(math.Exp(m.d.uni(math.Log(.5), math.Log(3))) / s.unit)
	for i, t := range m.thick.v {
		s.path.v[i] += min(mu*t, 9)
		if m.cover.v[i] > .5 && !s.outside[i] {
			s.label[i], s.steel[i] = labelBone, true
		}
	}
}

// rod draws a round bar whose radius depends on the place 0…1 along it.
func (m *metalwork) rod(x0, y0, x1, y1 float64, radius func(t float64) float64) {
	m.stroke(x0, y0, x1, y1, radius, func(away, r float64) float64 { return 2 * math.Sqrt(max(r*r-away*away, .2*r*r)) })
}

// bar draws a flat bar of a thickness.
func (m *metalwork) bar(x0, y0, x1, y1, half, thick float64) {
	m.stroke(x0, y0, x1, y1, always(half), func(_, _ float64) float64 { return thick })
}

// wire draws a round bar through points.
func (m *metalwork) wire(radius float64, xy ...float64) {
	part := m.part()
	for k := 0; k+3 < len(xy); k += 2 {
		part.rod(xy[k], xy[k+1], xy[k+2], xy[k+3], always(radius))
	}
	m.merge(part)
}

func always(r float64) func(float64) float64 { return func(float64) float64 { return r } }

// part is a piece whose overlaps with itself do not add up; merge puts it on top of the rest.
func (m *metalwork) part() *metalwork {
	p := *m
	p.thick, p.cover = newPlane(m.s.w, m.s.h), newPlane(m.s.w, m.s.h)
	return &p
}

func (m *metalwork) merge(p *metalwork) {
	for i, t := range p.thick.v {
		m.thick.v[i] += t
		m.cover.v[i] = max(m.cover.v[i], p.cover.v[i])
	}
}

// stroke draws along a line, softened over one pixel.
func (m *metalwork) stroke(x0, y0, x1, y1 float64, radius func(t float64) float64, thick func(away, r float64) float64) {
	dx, dy := x1-x0, y1-y0
	l2, most := max(dx*dx+dy*dy, 1e-9), 0.
	for k := range 33 {
		most = max(most, radius(float64(k)/32))
	}
	most = 1.3*most + 2
	p := m.thick
	for y := max(0, int(min(y0, y1)-most)); y <= min(p.h-1, int(max(y0, y1)+most)); y++ {
		for x := max(0, int(min(x0, x1)-most)); x <= min(p.w-1, int(max(x0, x1)+most)); x++ {
			fx, fy := float64(x), float64(y)
			t := min(max(((fx-x0)*dx+(fy-y0)*dy)/l2, 0), 1)
			r, away := radius(t), math.Hypot(fx-x0-t*dx, fy-y0-t*dy)
			q := clamp(float32(r-away+.5), 0, 1)
			if i := y*p.w + x; q > 0 {
				p.v[i] = max(p.v[i], q*float32(thick(away, r)))
				m.cover.v[i] = max(m.cover.v[i], q)
			}
		}
	}
}

// punch takes a round hole out.
func (m *metalwork) punch(x, y, r float64) {
	for i := range m.cover.v {
		if q := clamp(float32(math.Hypot(float64(i%m.s.w)-x, float64(i/m.s.w)-y)-r+.5), 0, 1); q < 1 {
			m.thick.v[i] *= q
			m.cover.v[i] *= q
		}
	}
}
