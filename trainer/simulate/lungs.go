package simulate

import "math"

// makeLungs returns, for each side, the convex hull of its ribs drawn in a little: the body model has
// no lungs, and without air a chest would be one white block.
func (b *Body) makeLungs() []mesh {
	var out []mesh
	for _, sign := range []float64{1, -1} {
		var q []vec
		for _, i := range b.where("", "rib") {
			for _, p := range b.bones[i].p {
				if p[0]*sign > 18 && b.bones[i].side != "" {
					q = append(q, p)
				}
			}
		}
		if len(q) < 4 {
			continue
		}
		c := centre(q)
		for i, p := range q {
			d := p.sub(c)
			q[i] = c.add(vec{d[0] * .9, d[1] * .86, d[2] * .9})
		}
		out = append(out, hull(c, q, 16, 24))
	}
	return out
}

// hull approximates the convex hull of q by its radial function around c on a globe of latitudes ×
// longitudes: the smallest support plane met along each direction.
func hull(c vec, q []vec, lats, lons int) mesh {
	m := globe(lats, lons)
	support := make([]float64, len(m.p))
	for i, d := range m.p {
		for _, p := range q {
			support[i] = max(support[i], p.sub(c).dot(d))
		}
	}
	out := mesh{make([]vec, len(m.p)), m.f}
	for i, d := range m.p {
		r := math.Inf(1)
		for j, n := range m.p {
			if t := n.dot(d); t > .05 {
				r = min(r, support[j]/t)
			}
		}
		out.p[i] = c.add(d.mul(r))
	}
	return out.outward()
}

// globe is the closed unit sphere: two poles and lats rings of lons points.
func globe(lats, lons int) mesh {
	m := mesh{p: []vec{{0, 0, 1}, {0, 0, -1}}}
	for i := range lats {
		th := math.Pi * float64(i+1) / float64(lats+1)
		for j := range lons {
			ph := 2 * math.Pi * float64(j) / float64(lons)
			m.p = append(m.p, vec{math.Sin(th) * math.Cos(ph), math.Sin(th) * math.Sin(ph), math.Cos(th)})
		}
	}
	at := func(i, j int) int32 { return int32(2 + i*lons + j%lons) }
	for j := range lons {
		m.f = append(m.f, [3]int32{0, at(0, j), at(0, j+1)}, [3]int32{1, at(lats-1, j+1), at(lats-1, j)})
		for i := range lats - 1 {
			m.f = append(m.f, [3]int32{at(i, j), at(i+1, j), at(i+1, j+1)}, [3]int32{at(i, j), at(i+1, j+1), at(i, j+1)})
		}
	}
	return m.outward()
}
