package radiograph

import (
	"math"

	"dicomnode/internal/raster"
)

// scatterToPrimary is the ratio of scattered to primary signal behind a body without a grid, from its thickness and
// the field's side in cm: our own fit to what textbooks show (Bushberg et al., The Essential Physics of Medical
// Imaging, radiography), about 1.2, 2.9 and 4.9 behind 10, 20 and 30 cm in a field of 30 cm, less in smaller ones.
func scatterToPrimary(thickness, field float64) float64 {
	return .103 * thickness * math.Sqrt(math.Sqrt(max(thickness, 0))) * field / (field + 15)
}

// bucky is an anti-scatter grid: the parts of primary and of scattered radiation that pass it.
type bucky struct{ primary, scatter float64 }

// chooseGrid: bodies above about 12 cm are mostly examined with a grid (8:1 to 12:1), thinner ones without.
func (s *Sheet) chooseGrid() bucky {
	d := s.d
	if thick := s.thickness(); thick < 9 || thick < 14 && d.Chance(.5) || d.Chance(.1) {
		return bucky{1, 1}
	}
	return bucky{d.Uni(.6, .75), d.Uni(.08, .2)}
}

// thickness of the body in cm.
func (s *Sheet) thickness() float64 { return float64(s.skin.Quantiles(s.body, .8)[0]) / 10 }

// scatter adds scattered radiation to the primary signal I: what each place scatters, spread widely (Seibert and
// Boone, Med. Phys. 15 (1988) 567).
func (s *Sheet) scatter(I raster.Plane, g bucky) {
	field := s.span / 10
	k := s.d.Uni(.8, 1.6) * g.scatter / g.primary
	from := raster.New(s.w, s.h)
	for i, t := range s.skin.V {
		from.V[i] = I.V[i] * float32(k*scatterToPrimary(float64(t)/10, field))
	}
	// A point of the body lights up a spot about as wide as it lies away from the detector.
	mm := 12 + 2*s.thickness()*s.d.Uni(.7, 1.5)
	for i, x := range from.Blur(min(mm/s.span, .2) * float64(max(s.w, s.h))).V {
		I.V[i] += x
	}
}

// gridLines lays the shadow of a standing grid's strips over I: after sampling, stripes of any width (Moiré).
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
