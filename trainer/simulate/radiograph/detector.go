package radiograph

import (
	"math"

	"dicomnode/internal/raster"
)

// soften blurs by the focal spot, whose image is wider if the body is farther from the
// detector, by the detector's light spread, and by motion and resampling, which dominate in
// wide fields.
func (s *Sheet) soften(I raster.Plane) raster.Plane {
	d := s.d
	gap := 10*s.thickness()*.5 + d.Uni(10, 50) // mm from the middle of the body to the detector
	focus := d.Pick(.6, 1, 1.2)                // IEC 60336 nominal values
	penumbra := focus * gap / s.dist / math.Sqrt(12)
	light := .187 / d.Uni(.9, 2) // Gaussian whose MTF is one half at 0.9 to 2 line pairs per mm
	return I.Blur(math.Hypot(math.Hypot(penumbra, light)/s.span*float64(max(s.w, s.h)), d.Uni(0, 1)*s.unit))
}

// quanta returns the variance of the signal x relative to that of the open beam. The more the
// body filters the beam, the fewer and harder quanta produce the signal of an
// energy-integrating detector.
func (s *Sheet) quanta(x float32) float32 { return x * (1 - s.harder*raster.Log32(min(x, 1))) }

// uncorrected adds, to one in eight images, the remainder of the detector's pattern after
// offset and gain correction: readout channels of several columns, each with its own offset and
// gain, and a smooth gain.
func (s *Sheet) uncorrected(I raster.Plane) {
	d := s.d
	if !d.Chance(.12) {
		return
	}
	offset, gain := math.Pow(10, d.Uni(-5, -3.7)), d.Uni(0, .003)
	smooth, a := s.noiseMap(d.Uni(20, 80)), float32(d.Uni(0, .02))
	width := d.Between(1, 1+max(1, s.w/4))
	turned := d.Chance(.4)
	o, g := make([]float32, max(s.w, s.h)), make([]float32, max(s.w, s.h))
	for i := range o {
		if i%width == 0 {
			o[i], g[i] = float32(d.Gauss(0, offset)), float32(1+d.Gauss(0, gain))
		} else {
			o[i], g[i] = o[i-1], g[i-1]
		}
	}
	for i := range I.V {
		k := i % s.w
		if turned {
			k = i / s.w
		}
		I.V[i] = max(I.V[i]*g[k]*(1+a*smooth.V[i])+o[k], 1e-5)
	}
}

// defects adds, to one in ten images, up to two lines and some pixels that the defect
// correction has missed or interpolated badly.
func (s *Sheet) defects(I raster.Plane) {
	d := s.d
	if !d.Chance(.1) {
		return
	}
	for range d.Between(0, 3) {
		k := float32(1 + d.Pick(-1, 1)*d.Uni(.01, .06))
		if d.Chance(.5) {
			x := d.IntN(s.w)
			for y := range s.h {
				I.V[y*s.w+x] *= k
			}
		} else {
			y := d.IntN(s.h)
			for x := range s.w {
				I.V[y*s.w+x] *= k
			}
		}
	}
	for range d.Between(0, 12) {
		I.V[d.IntN(len(I.V))] *= float32(d.Uni(.4, 1.4))
	}
}

// saturate clips the signal at the detector's full scale. In a quarter of the images full scale
// is close to the open beam's signal and may be within the thinnest soft tissue.
func (s *Sheet) saturate(I raster.Plane) {
	if !s.d.Chance(.25) {
		return
	}
	full := I.Quantiles(nil, .99)[0] * float32(s.d.Uni(.75, 1.05))
	I.Each(func(x float32) float32 { return min(x, full) })
}
