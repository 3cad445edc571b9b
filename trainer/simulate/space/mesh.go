// Package space implements the geometry of bodies: points, meshes, affine maps, cameras, and
// the path lengths of a camera's rays through closed meshes. Its frame is the patient's of
// PS3.3 C.7.6.2.1.1 in millimetres: x to the patient's left, y to the back, z up.
package space

import (
	"math"

	"dicomnode/trainer/simulate/random"
)

// Vec is a point or direction in millimetres: x to the patient's left, y to the back, z up.
type Vec [3]float64

// Add returns a+b.
func (a Vec) Add(b Vec) Vec { return Vec{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }

// Sub returns a−b.
func (a Vec) Sub(b Vec) Vec { return Vec{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }

// Mul returns s·a.
func (a Vec) Mul(s float64) Vec { return Vec{a[0] * s, a[1] * s, a[2] * s} }

// Dot returns the scalar product.
func (a Vec) Dot(b Vec) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

// Norm returns the length.
func (a Vec) Norm() float64 { return math.Sqrt(a.Dot(a)) }

// Unit returns the unit vector in the direction of a; 0 stays 0.
func (a Vec) Unit() Vec { return a.Mul(1 / math.Max(a.Norm(), 1e-12)) }

// Lerp returns the point at fraction t of the way from a to b.
func (a Vec) Lerp(b Vec, t float64) Vec { return a.Add(b.Sub(a).Mul(t)) }

// Cross returns the vector product.
func (a Vec) Cross(b Vec) Vec {
	return Vec{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

// Turn rotates a about the unit axis through p by ang radians (Rodrigues).
func (a Vec) Turn(p, axis Vec, ang float64) Vec {
	q, s, c := a.Sub(p), math.Sin(ang), math.Cos(ang)
	return p.Add(q.Mul(c)).Add(axis.Cross(q).Mul(s)).Add(axis.Mul(axis.Dot(q) * (1 - c)))
}

// Mesh is a closed surface; faces index points and are wound outward.
type Mesh struct {
	Points []Vec      // mm
	Faces  [][3]int32 // indices of Points
}

// volume returns the volume in mm³, which is positive if faces are wound outward.
func (m Mesh) volume() float64 {
	s := 0.0
	for _, f := range m.Faces {
		s += m.Points[f[0]].Dot(m.Points[f[1]].Cross(m.Points[f[2]]))
	}
	return s / 6
}

// Outward reverses the winding if the volume is negative.
func (m Mesh) Outward() Mesh {
	if m.volume() < 0 {
		for i := range m.Faces {
			m.Faces[i][1], m.Faces[i][2] = m.Faces[i][2], m.Faces[i][1]
		}
	}
	return m
}

// Normals returns the area-weighted unit normal of each point.
func (m Mesh) Normals() []Vec {
	n := make([]Vec, len(m.Points))
	for _, f := range m.Faces {
		a := m.Points[f[0]]
		c := m.Points[f[1]].Sub(a).Cross(m.Points[f[2]].Sub(a))
		for _, i := range f {
			n[i] = n[i].Add(c)
		}
	}
	for i := range n {
		n[i] = n[i].Unit()
	}
	return n
}

// Centre returns the mean of the points, 0 if there are none.
func Centre(p []Vec) Vec {
	var c Vec
	for _, q := range p {
		c = c.Add(q)
	}
	return c.Mul(1 / math.Max(1, float64(len(p))))
}

// LongAxis returns the first principal direction, by power iteration on the covariance.
func LongAxis(p []Vec) Vec {
	c := Centre(p)
	var m [3]Vec
	for _, q := range p {
		d := q.Sub(c)
		for i := range 3 {
			m[i] = m[i].Add(d.Mul(d[i]))
		}
	}
	u := Vec{0.3, 0.2, 1}.Unit()
	for range 60 {
		u = Vec{m[0].Dot(u), m[1].Dot(u), m[2].Dot(u)}.Unit()
	}
	return u
}

// Extent returns the range of the points along u, relative to c.
func Extent(p []Vec, c, u Vec) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, q := range p {
		t := q.Sub(c).Dot(u)
		lo, hi = min(lo, t), max(hi, t)
	}
	return lo, hi
}

// RandomDirection returns a random unit vector.
func RandomDirection(d random.Dice) Vec {
	return Vec{d.NormFloat64(), d.NormFloat64(), d.NormFloat64()}.Unit()
}

// Letter returns the letter of PS3.3 C.7.6.1.1.1 for the body axis nearest to a direction.
func Letter(v Vec) string {
	letters, best := [3]string{"LR", "PA", "HF"}, 0
	for k := range v {
		if v[k]*v[k] > v[best]*v[best] {
			best = k
		}
	}
	if v[best] < 0 {
		return letters[best][1:]
	}
	return letters[best][:1]
}
