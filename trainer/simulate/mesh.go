package simulate

import "math"

// vec is a point or direction in millimetres: x to the body's left, y to its back, z up.
type vec [3]float64

func (a vec) add(b vec) vec             { return vec{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }
func (a vec) sub(b vec) vec             { return vec{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }
func (a vec) mul(s float64) vec         { return vec{a[0] * s, a[1] * s, a[2] * s} }
func (a vec) dot(b vec) float64         { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }
func (a vec) norm() float64             { return math.Sqrt(a.dot(a)) }
func (a vec) unit() vec                 { return a.mul(1 / math.Max(a.norm(), 1e-12)) }
func (a vec) lerp(b vec, t float64) vec { return a.add(b.sub(a).mul(t)) }
func (a vec) cross(b vec) vec {
	return vec{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

// turn rotates a about the unit axis through p by ang radians (Rodrigues).
func (a vec) turn(p, axis vec, ang float64) vec {
	q, s, c := a.sub(p), math.Sin(ang), math.Cos(ang)
	return p.add(q.mul(c)).add(axis.cross(q).mul(s)).add(axis.mul(axis.dot(q) * (1 - c)))
}

// mesh is a closed surface; faces index points and are wound outward.
type mesh struct {
	p []vec
	f [][3]int32
}

// volume is positive for outward winding, mm³.
func (m mesh) volume() float64 {
	s := 0.0
	for _, f := range m.f {
		s += m.p[f[0]].dot(m.p[f[1]].cross(m.p[f[2]]))
	}
	return s / 6
}

// outward flips the winding where the volume is negative.
func (m mesh) outward() mesh {
	if m.volume() < 0 {
		for i := range m.f {
			m.f[i][1], m.f[i][2] = m.f[i][2], m.f[i][1]
		}
	}
	return m
}

// normals returns the area-weighted unit normal of each point.
func (m mesh) normals() []vec {
	n := make([]vec, len(m.p))
	for _, f := range m.f {
		a := m.p[f[0]]
		c := m.p[f[1]].sub(a).cross(m.p[f[2]].sub(a))
		for _, i := range f {
			n[i] = n[i].add(c)
		}
	}
	for i := range n {
		n[i] = n[i].unit()
	}
	return n
}

func centre(p []vec) vec {
	var c vec
	for _, q := range p {
		c = c.add(q)
	}
	return c.mul(1 / math.Max(1, float64(len(p))))
}

// longAxis is the first principal direction, by power iteration on the covariance.
func longAxis(p []vec) vec {
	c := centre(p)
	var m [3]vec
	for _, q := range p {
		d := q.sub(c)
		for i := range 3 {
			m[i] = m[i].add(d.mul(d[i]))
		}
	}
	u := vec{0.3, 0.2, 1}.unit()
	for range 60 {
		u = vec{m[0].dot(u), m[1].dot(u), m[2].dot(u)}.unit()
	}
	return u
}

// extent returns the range of the points along u, seen from c.
func extent(p []vec, c, u vec) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, q := range p {
		t := q.sub(c).dot(u)
		lo, hi = min(lo, t), max(hi, t)
	}
	return lo, hi
}
