package radiograph

import (
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/xray"
)

// metal adds surgical metal to 11 % of the patients. It is labelled as bone, also outside the
// body.
func (s *Sheet) metal() {
	if s.d.Chance(.11) {
		s.implant()
	}
}

// implants are the functions that draw metal, with their weights. Each draws at a section of
// bone whose length is at least slim times its half width.
var implants = []struct {
	weight, slim float64
	draw         func(*metalwork, diaphysis)
}{
	{22, 0, (*metalwork).wires}, {14, 0, (*metalwork).screws}, {24, 5, (*metalwork).plate}, {14, 6, (*metalwork).nail},
	{8, 3, (*metalwork).cerclage}, {7, 0, (*metalwork).staples}, {7, 4, (*metalwork).fixator}, {6, 5, (*metalwork).prosthesis},
	{5, 0, (*metalwork).fragments},
}

// metalwork is metal being drawn, and the bones that it is placed in.
type metalwork struct {
	*drawing
	s    *Sheet
	d    random.Dice
	bone []bool
	mm   float64 // pixels per millimetre, limited in very wide and narrow fields, so that metal is not too thin or too thick
}

// millimetre returns a millimetre in pixels, with the field limited to 80 to 400 mm.
func (s *Sheet) millimetre() float64 {
	return float64(max(s.w, s.h)) / min(max(s.span, 80), 400)
}

func (s *Sheet) metalwork() *metalwork {
	m := &metalwork{newDrawing(s.w, s.h), s, s.d, make([]bool, len(s.label)), s.millimetre()}
	for i, t := range s.bone.V {
		m.bone[i] = t > leastBone
	}
	return m
}

func (s *Sheet) implant() {
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
	x := m.d.Uni(0, total)
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

// longest returns the section of bone that is longest relative to its width, of those around a
// few random places.
func (m *metalwork) longest(bones []int) (best diaphysis) {
	ratio := -1.
	for range m.d.Between(2, 8) {
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
		best.add(float64(i%m.s.w), float64(i/m.s.w), 1, 0, 4*m.mm)
	}
	return best
}

// finish adds the attenuation of titanium or steel, and the label.
func (m *metalwork) finish() {
	s := m.s
	s.steel = make([]bool, len(s.label))
	metal := []xray.Material{xray.Titanium, xray.Iron}[m.d.IntN(2)] // steel is nearly pure iron
	mu := float32(s.rays.Coefficient(metal) / m.mm)
	for i, t := range m.thick.V {
		s.path.V[i] += min(mu*t, 9)
		if m.cover.V[i] > .35 && !s.outside[i] {
			s.label[i], s.steel[i] = dataset.Bone, true
		}
	}
}
