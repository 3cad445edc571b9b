package body

import "dicomnode/trainer/simulate/space"

// makeLungs returns, for each side, the slightly shrunken convex hull of its ribs. The body
// model has no lungs, and without air a chest would be uniformly white.
func (b *Body) makeLungs() []space.Mesh {
	var out []space.Mesh
	for _, sign := range []float64{1, -1} {
		var q []space.Vec
		for _, i := range b.where("", "rib") {
			for _, p := range b.bones[i].Points {
				if p[0]*sign > 18 && b.bones[i].side != "" {
					q = append(q, p)
				}
			}
		}
		if len(q) < 4 {
			continue
		}
		c := space.Centre(q)
		for i, p := range q {
			d := p.Sub(c)
			q[i] = c.Add(space.Vec{d[0] * .9, d[1] * .86, d[2] * .9})
		}
		out = append(out, space.Hull(c, q, 16, 24))
	}
	return out
}
