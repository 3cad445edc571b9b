package simulate

import "math"

// soften blurs by the focal spot, whose image is the wider the farther the body is from the detector, by the
// detector's light spread, and by what motion and resampling add, which outweighs both in wide fields.
func (s *sheet) soften(I plane) plane {
	d := s.d
	gap := 10*s.thickness()*.5 + d.uni(10, 50) // mm from the body's middle to the detector
	focus := d.pick(.6, 1, 1.2)                // IEC 60336 nominal values
	penumbra := focus * gap / s.dist / math.Sqrt(12)
	light := .187 / d.uni(.9, 2) // Gaussian whose MTF is one half at 0.9 to 2 line pairs per mm
	return I.blur(math.Hypot(math.Hypot(penumbra, light)/s.span*float64(max(s.w, s.h)), d.uni(0, 1)*s.unit))
}

// quanta is the variance of the signal x in units of that of the open beam: an energy-integrating detector gets
// it from fewer, harder quanta the more the body has filtered.
func (s *sheet) quanta(x float32) float32 { return x * (1 - s.harder*log32(min(x, 1))) }

// uncorrected is what is left of the detector's pattern after offset and gain correction, in one of eight images:
// readout channels of several columns with an offset and a gain of their own, and a smooth gain.
func (s *sheet) uncorrected(I plane) {
	d := s.d
	if !d.chance(.12) {
		return
	}
	offset, gain := math.Pow(10, d.uni(-5, -3.7)), d.uni(0, .003)
	smooth, a := s.noiseMap(d.uni(20, 80)), float32(d.uni(0, .02))
	width := d.between(1, 1+max(1, s.w/4))
	turned := d.chance(.4)
	o, g := make([]float32, max(s.w, s.h)), make([]float32, max(s.w, s.h))
	for i := range o {
		if i%width == 0 {
			o[i], g[i] = float32(d.gauss(0, offset)), float32(1+d.gauss(0, gain))
		} else {
			o[i], g[i] = o[i-1], g[i-1]
		}
	}
	for i := range I.v {
		k := i % s.w
		if turned {
			k = i / s.w
		}
		I.v[i] = max(I.v[i]*g[k]*(1+a*smooth.v[i])+o[k], 1e-5)
	}
}

// defects: one image in ten shows up to two lines and some pixels that the correction of defects has missed or
// filled in badly.
func (s *sheet) defects(I plane) {
	d := s.d
	if !d.chance(.1) {
		return
	}
	for range d.between(0, 3) {
		k := float32(1 + d.pick(-1, 1)*d.uni(.01, .06))
		if d.chance(.5) {
			x := d.IntN(s.w)
			for y := range s.h {
				I.v[y*s.w+x] *= k
			}
		} else {
			y := d.IntN(s.h)
			for x := range s.w {
				I.v[y*s.w+x] *= k
			}
		}
	}
	for range d.between(0, 12) {
		I.v[d.IntN(len(I.v))] *= float32(d.uni(.4, 1.4))
	}
}

// saturate cuts off what is brighter than the detector's full scale, which lies near the open beam's signal in a
// quarter of the images and can reach into the thinnest soft tissue.
func (s *sheet) saturate(I plane) {
	if !s.d.chance(.25) {
		return
	}
	full := I.quantiles(nil, .99)[0] * float32(s.d.uni(.75, 1.05))
	I.each(func(x float32) float32 { return min(x, full) })
}
