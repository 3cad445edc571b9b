package space

import "math"

// Hull approximates the convex hull of q by its radial function around c on a globe of lats ×
// lons directions: in each direction the distance to the nearest support plane.
func Hull(c Vec, q []Vec, lats, lons int) Mesh {
	m := globe(lats, lons)
	support := make([]float64, len(m.Points))
	for i, d := range m.Points {
		for _, p := range q {
			support[i] = max(support[i], p.Sub(c).Dot(d))
		}
	}
	out := Mesh{make([]Vec, len(m.Points)), m.Faces}
	for i, d := range m.Points {
		r := math.Inf(1)
		for j, n := range m.Points {
			if t := n.Dot(d); t > .05 {
				r = min(r, support[j]/t)
			}
		}
		out.Points[i] = c.Add(d.Mul(r))
	}
	return out.Outward()
}

// globe returns the closed unit sphere: two poles and lats rings of lons points.
func globe(lats, lons int) Mesh {
	m := Mesh{Points: []Vec{{0, 0, 1}, {0, 0, -1}}}
	for i := range lats {
		th := math.Pi * float64(i+1) / float64(lats+1)
		for j := range lons {
			ph := 2 * math.Pi * float64(j) / float64(lons)
			m.Points = append(m.Points, Vec{math.Sin(th) * math.Cos(ph), math.Sin(th) * math.Sin(ph), math.Cos(th)})
		}
	}
	at := func(i, j int) int32 { return int32(2 + i*lons + j%lons) }
	for j := range lons {
		m.Faces = append(m.Faces, [3]int32{0, at(0, j), at(0, j+1)}, [3]int32{1, at(lats-1, j+1), at(lats-1, j)})
		for i := range lats - 1 {
			m.Faces = append(m.Faces, [3]int32{at(i, j), at(i+1, j), at(i+1, j+1)}, [3]int32{at(i, j), at(i+1, j+1), at(i, j+1)})
		}
	}
	return m.Outward()
}

// Tube returns a closed surface around the segment a–b: rings of lons points whose radius
// depends on the position t = 0..1 along it, closed by flat ends.
func Tube(a, b Vec, rings, lons int, radius func(t float64) float64) Mesh {
	m := globe(rings, lons)
	along := b.Sub(a).Unit()
	e1 := along.Cross(Vec{.3, 1, .2}).Unit()
	e2 := along.Cross(e1)
	m.Points[0], m.Points[1] = a, b
	for i := range rings {
		t := float64(i) / float64(rings-1)
		for j := range lons {
			s, c := math.Sincos(2 * math.Pi * float64(j) / float64(lons))
			m.Points[2+i*lons+j] = a.Lerp(b, t).Add(e1.Mul(c).Add(e2.Mul(s)).Mul(radius(t)))
		}
	}
	return m.Outward()
}
