package radiograph

import (
	"math"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
)

// expose converts attenuation to detector signal: scatter, grid, heel effect, collimator,
// unsharpness, noise and effects of the detector.
func (s *Sheet) expose() {
	d := s.d
	s.thick = s.path.Quantiles(s.body, .9)[0] > 3
	I := s.path.Clone().Each(func(p float32) float32 { return raster.Exp32(-p) })
	g := s.chooseGrid()
	s.scatter(I, g)
	gx, gy, gq := d.Gauss(0, .12), d.Gauss(0, .12), d.Gauss(0, .12)
	for i := range I.V {
		x, y := s.at(i)
		I.V[i] *= raster.Exp32(float32(gx*x + gy*y + .5*gq*(x*x+y*y)))
	}
	s.gridLines(I, g)
	s.collimate(I)
	s.pic = s.detect(s.soften(I))
}

// detect adds quantum and electronic noise and faults of the detector. Signals are relative to
// the open beam.
func (s *Sheet) detect(I raster.Plane) raster.Plane {
	d := s.d
	n := float32(math.Pow(10, d.Uni(3.2, 6.3))) // number of quanta per pixel in the open beam
	most := -2.8
	if s.thick {
		most = -3.8
	}
	if s.trunk { // exposure control: the dose is chosen for the signal behind the body
		n, most = float32(math.Pow(10, d.Uni(4.7, 5.9)))/max(I.Quantiles(s.body, .5)[0], 1e-4), -4.5
	}
	electronic := float32(math.Pow(10, d.Uni(-5, most)))
	for i, x := range I.V {
		x = max(x, 1e-5)
		sigma := float32(math.Sqrt(float64(s.quanta(x)/n + electronic*electronic)))
		// Bone is not scored if a 7-pixel neighbourhood cannot distinguish it from soft tissue.
		if s.label[i] == dataset.Bone && (s.steel == nil || !s.steel[i]) && s.ray(i).Mineral*.05*x < .5*sigma {
			s.label[i] = dataset.Ignore
		}
		I.V[i] = max(x+sigma*float32(d.NormFloat64()), 1e-5)
	}
	s.uncorrected(I)
	s.saturate(I)
	s.defects(I)
	top := I.Quantiles(nil, .995)[0]
	return I.Each(func(x float32) float32 { return x / top })
}
