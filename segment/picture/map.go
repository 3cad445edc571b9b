package picture

// Map contains probabilities on a grid over a picture: Classes×Height×Width values. Top and
// Left of its Geometry are 0. A Map of a single answer of the network has the network's pixels;
// one of several parts of a picture has more.
type Map struct {
	Geometry
	P []float32
}

// Map removes the padding from the network's answer p (Classes×Side×Side). It panics if p has
// another size.
func (g Geometry) Map(p []float32) Map {
	if len(p) != Classes*Side*Side {
		panic("picture: Map: want 3×200×200 probabilities")
	}
	m := Map{Geometry: g, P: make([]float32, 0, Classes*g.Height*g.Width)}
	m.Top, m.Left = 0, 0
	for c := range Classes {
		m.P = append(m.P, g.Cut(p[c*Side*Side:][:Side*Side])...)
	}
	return m
}

// Plane returns the values of one class, Height×Width.
func (m Map) Plane(class int) []float32 { return m.P[class*m.Height*m.Width:][:m.Height*m.Width] }

// On interpolates the map to another grid over the same picture, bilinearly between the centres
// of its cells.
func (m Map) On(g Geometry) Map {
	between := m.Geometry
	between.Rows, between.Columns = g.Height, g.Width
	out := Map{Geometry: g, P: make([]float32, Classes*g.Height*g.Width)}
	out.Top, out.Left = 0, 0
	newUpsampler(between, m.P).fill(out.P)
	return out
}

// Answer averages the map over the network's pixels and adds padding (Classes×Side×Side). In
// the padding all classes have the same probability.
func (m Map) Answer() []float32 {
	g := NewGeometry(m.Rows, m.Columns)
	within := Geometry{Rows: m.Height, Columns: m.Width, Height: g.Height, Width: g.Width}
	out := make([]float32, Classes*Side*Side)
	for i := range out {
		out[i] = 1. / Classes
	}
	for c := range Classes {
		small := within.Down(m.Plane(c), 0, 1)
		for y := range g.Height {
			copy(out[c*Side*Side+(g.Top+y)*Side+g.Left:][:g.Width], small[y*g.Width:])
		}
	}
	return out
}

// Small averages the map over the network's pixels.
func (m Map) Small() Map { return NewGeometry(m.Rows, m.Columns).Map(m.Answer()) }
