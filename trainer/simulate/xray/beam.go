// Package xray implements the physics of an X-ray tube, of the materials in its beam and of the
// scintillator that absorbs it: spectra of tungsten anodes, attenuation of tissues and metals,
// and tables of it for whole pictures. It has no geometry; package radiograph adds scattered
// radiation and noise. Sources of the figures are given beside them.
package xray

import "math"

// channels is the number of energies that represent a spectrum.
const channels = 12

// Beam is what the detector measures of a tube's spectrum in air. For each channel it has the
// share of the signal (with a sum of 1) and the linear attenuation coefficients (1/mm) of two
// basis materials, in which all others are expressed. Two are sufficient for materials without
// K edges in the range (Alvarez and Macovski, Phys. Med. Biol. 21 (1976) 733).
type Beam struct {
	signal, muscle, cortical [channels]float64
	light                    [channels]float64 // signal of a quantum, keV
}

// NewBeam returns the beam of a tube of at least 20 kV, as 12 energies from 15 keV to the peak.
func NewBeam(t Tube) *Beam {
	b, m, light, photons := &Beam{}, tissues(), scintillator(), t.photons()
	total := 0.0
	for i, n := range photons {
		n *= light[i]
		k := min(int((keV(i)-15)/(t.KV-15)*channels), channels-1)
		if n <= 0 || k < 0 {
			continue
		}
		b.signal[k] += n
		b.muscle[k] += n * m.muscle[i]
		b.cortical[k] += n * m.cortical[i]
		b.light[k] += n * keV(i)
		total += n
	}
	for k, n := range b.signal {
		b.muscle[k] /= max(n, 1e-30)
		b.cortical[k] /= max(n, 1e-30)
		b.light[k] /= max(n, 1e-30)
		b.signal[k] /= total
	}
	return b
}

// typical is the thickness of muscle in mm behind which a beam is characterised by a single
// number.
const typical = 40

// Coefficient returns the attenuation integral of a millimetre of m behind a typical body, 40
// mm of muscle.
func (b *Beam) Coefficient(m Material) float64 {
	in, out := 0.0, 0.0
	for k, s := range b.signal {
		s *= math.Exp(-b.muscle[k] * typical)
		in, out = in+s, out+s*math.Exp(-m.mass(b.light[k])*m.Density/10)
	}
	return math.Log(in / out)
}

// Hardening returns the relative increase of a detected quantum's signal behind a body, per
// unit of the attenuation integral. The noise of an energy-integrating detector grows with it
// (Swank, J. Appl. Phys. 44 (1973) 4199).
func (b *Beam) Hardening() float64 {
	var here, air, n float64
	for k, s := range b.signal {
		t := s * math.Exp(-b.muscle[k]*typical)
		here, n, air = here+t*b.light[k], n+t, air+s*b.light[k]
	}
	return (here/n/air - 1) / -math.Log(n)
}

// Mixture is a millimetre of a material expressed as mm of muscle and of cortical bone, one of
// which may be negative.
type Mixture struct{ Muscle, Cortical float64 }

// Fat returns adipose tissue (ICRU Report 44) as muscle and cortical bone; the latter is
// negative.
func Fat() Mixture { return inMuscleAndBone(&tissues().adipose) }

// Marrow returns red and yellow marrow (ICRU Report 44) in equal volumes, as muscle and
// cortical bone.
func Marrow() Mixture { return inMuscleAndBone(&tissues().marrow) }

// inMuscleAndBone returns the mixture whose attenuation has the least relative difference from
// mu, from 20 to 120 keV.
func inMuscleAndBone(mu *spectrum) Mixture {
	m := tissues()
	var aa, ab, bb, ay, by float64
	for i := 20 - firstKeV; i < bins; i++ {
		a, b := m.muscle[i]/mu[i], m.cortical[i]/mu[i]
		aa, ab, bb, ay, by = aa+a*a, ab+a*b, bb+b*b, ay+a, by+b
	}
	det := aa*bb - ab*ab
	return Mixture{(ay*bb - by*ab) / det, (by*aa - ay*ab) / det}
}

// Absorber is a table of a beam's attenuation integral, −ln of the signal relative to air, over
// a rectangle of thicknesses. With it a pixel needs an interpolation instead of an exponential
// function for each channel.
type Absorber struct {
	lo, step [2]float32
	p        [nodes][nodes]float32
}

const nodes = 48

// Absorber tabulates the integral from lo to hi, each in mm of muscle and of cortical bone, at
// 48×48 points.
func (b *Beam) Absorber(lo, hi [2]float32) *Absorber {
	a := &Absorber{lo: lo}
	var t [2][nodes][channels]float64
	for d, mu := range [2]*[channels]float64{&b.muscle, &b.cortical} {
		a.step[d] = max(hi[d]-lo[d], 1) / (nodes - 1)
		for j := range nodes {
			mm := float64(lo[d] + float32(j)*a.step[d])
			for k := range channels {
				t[d][j][k] = math.Exp(-mu[k] * mm)
			}
		}
	}
	for i := range nodes {
		for j := range nodes {
			s := 0.0
			for k, n := range b.signal {
				s += n * t[0][i][k] * t[1][j][k]
			}
			a.p[i][j] = float32(-math.Log(s))
		}
	}
	return a
}

// At interpolates the attenuation integral bilinearly behind mm of muscle and bone; thicknesses
// outside the rectangle are limited to it.
func (a *Absorber) At(muscle, bone float32) float32 {
	x := min(max((muscle-a.lo[0])/a.step[0], 0), nodes-1.001)
	y := min(max((bone-a.lo[1])/a.step[1], 0), nodes-1.001)
	i, j := int(x), int(y)
	x, y = x-float32(i), y-float32(j)
	p, q := &a.p[i], &a.p[i+1]
	l, r := p[j]+(p[j+1]-p[j])*y, q[j]+(q[j+1]-q[j])*y
	return l + (r-l)*x
}
