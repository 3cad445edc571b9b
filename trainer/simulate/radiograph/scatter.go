package radiograph

import (
	"math"

	"dicomnode/internal/raster"
)

// scatterToPrimary returns the ratio of scattered to primary signal behind a body without a
// grid, from its thickness and the side of the field in cm. It is a fit to textbook values
// (Bushberg et al., The Essential Physics of Medical Imaging, radiography): about 1.2, 2.9 and
// 4.9 behind 10, 20 and 30 cm in a field of 30 cm, less in smaller fields.
func scatterToPrimary(thickness, field float64) float64 {
	return .103 * thickness * math.Sqrt(math.Sqrt(max(thickness, 0))) * field / (field + 15)
}

// bucky is an anti-scatter grid: the shares of primary and of scattered radiation that pass it.
type bucky struct{ primary, scatter float64 }

// chooseGrid chooses a grid (8:1 to 12:1) for most bodies above about 12 cm and none for most
// thinner ones.
func (s *Sheet) chooseGrid() bucky {
	d := s.d
	if thick := s.thickness(); thick < 9 || thick < 14 && d.Chance(.5) || d.Chance(.1) {
		return bucky{1, 1}
	}
	return bucky{d.Uni(.6, .75), d.Uni(.08, .2)}
}

// thickness returns the thickness of the body in cm.
func (s *Sheet) thickness() float64 { return float64(s.skin.Quantiles(s.body, .8)[0]) / 10 }

// scatter adds scattered radiation to the primary signal I: the radiation that each place
// scatters, spread widely (Seibert and Boone, Med. Phys. 15 (1988) 567).
func (s *Sheet) scatter(I raster.Plane, g bucky) {
	field := s.span / 10
	k := s.d.Uni(.8, 1.6) * g.scatter / g.primary
	from := raster.New(s.w, s.h)
	for i, t := range s.skin.V {
		from.V[i] = I.V[i] * float32(k*scatterToPrimary(float64(t)/10, field))
	}
	// The scattered radiation of a point makes a spot about as wide as its distance from the
	// detector.
	mm := 12 + 2*s.thickness()*s.d.Uni(.7, 1.5)
	for i, x := range from.Blur(min(mm/s.span, .2) * float64(max(s.w, s.h))).V {
		I.V[i] += x
	}
}

// gridLines multiplies I by the shadow of the strips of a stationary grid, which after sampling
// is a stripe pattern of any width (moiré).
func (s *Sheet) gridLines(I raster.Plane, g bucky) {
	d := s.d
	if g.primary == 1 || d.Chance(.85) {
		return
	}
	a, turn := d.Uni(.002, .012), d.Gauss(0, .01)
	if d.Chance(.5) {
		turn += math.Pi / 2
	}
	sin, cos := math.Sincos(turn)
	f := 2 * math.Pi * d.Uni(.02, .5)
	for i := range I.V {
		I.V[i] *= float32(1 + a*math.Sin(f*(float64(i%s.w)*cos+float64(i/s.w)*sin)))
	}
}
