package xray

import (
	"math"
	"testing"
)

var water = Material{1, []portion{{"H", .111898}, {"O", .888102}}}

// The attenuation of tissues, computed from the elements, matches table 4 of NISTIR 5632 for
// the mixtures.
func TestMassAttenuation(t *testing.T) {
	for _, c := range []struct {
		name string
		m    Material
		at   map[float64]float64
	}{
		{"water", water, map[float64]float64{10: 5.329, 15: 1.673, 20: .8096, 30: .3756, 40: .2683, 50: .2269, 60: .2059, 80: .1837, 100: .1707, 150: .1505}},
		{"muscle", Muscle, map[float64]float64{10: 5.356, 15: 1.693, 20: .8205, 30: .3783, 40: .2685, 50: .2262, 60: .2048, 80: .1823, 100: .1693, 150: .1492}},
		{"adipose tissue", adipose, map[float64]float64{10: 3.268, 15: 1.083, 20: .5677, 30: .3063, 40: .2396, 50: .2123, 60: .1974, 80: .1800, 100: .1688, 150: .1500}},
		{"cortical bone", corticalBone, map[float64]float64{10: 28.51, 15: 9.032, 20: 4.001, 30: 1.331, 40: .6655, 50: .4242, 60: .3148, 80: .2229, 100: .1855, 150: .1480}},
		{"lung", Lung, map[float64]float64{10: 5.459, 15: 1.721, 20: .8316, 30: .3815, 40: .2699, 50: .2270, 60: .2053, 80: .1826, 100: .1695, 150: .1493}},
		{"aluminium", aluminium, map[float64]float64{60: .2778}},
		{"titanium", Titanium, map[float64]float64{60: .7661}},
		{"iron", Iron, map[float64]float64{60: 1.205}},
		{"lead", Lead, map[float64]float64{60: 5.021}},
	} {
		for e, want := range c.at {
			if got := c.m.mass(e); math.Abs(got/want-1) > .005 {
				t.Errorf("%s at %g keV: %.4g cm²/g, want %.4g (%+.2f %%)", c.name, e, got, want, 100*(got/want-1))
			}
		}
	}
}

// air is the mass energy-absorption coefficient of dry air (NISTIR 5632, table 4), the weight
// of air kerma.
var air = smooth(4.742, 1.334, .5389, .1537, .06833, .04098, .03041, .02407, .02325, .02496)

// halfValueLayer returns the thickness of aluminium in mm that halves the air kerma.
func halfValueLayer(t Tube) float64 {
	kerma := func(mm float64) float64 {
		t := t
		t.Aluminium += mm
		sum := 0.0
		for i, n := range t.photons() {
			sum += n * keV(i) * air.at(keV(i))
		}
		return sum
	}
	half, lo, hi := kerma(0)/2, 0.0, 20.0
	for range 40 {
		if m := (lo + hi) / 2; kerma(m) > half {
			lo = m
		} else {
			hi = m
		}
	}
	return lo
}

// The lower limits are those of IEC 60601-1-3 (1994) and 21 CFR 1020.30(m) for a tube. With 2.5
// to 3 mm of aluminium a tube exceeds them by less than 40 %.
func TestHalfValueLayer(t *testing.T) {
	for kV, least := range map[float64]float64{50: 1.5, 60: 1.8, 70: 2.1, 80: 2.3, 90: 2.5, 100: 2.7, 110: 3.0, 120: 3.2} {
		for _, mm := range []float64{2.5, 3} {
			if got := halfValueLayer(Tube{kV, mm, 0}); got < least || got > 1.4*least {
				t.Errorf("%g kV, %g mm Al: half-value layer %.2f mm Al, want %.2f to %.2f", kV, mm, got, least, 1.4*least)
			}
		}
	}
	if hard, soft := halfValueLayer(Tube{80, 3, .1}), halfValueLayer(Tube{80, 3, 0}); hard < soft+.5 {
		t.Errorf("0.1 mm of copper raises the half-value layer from %.2f to %.2f mm Al only", soft, hard)
	}
}

// Characteristic radiation appears only above 69.5 kV.
func TestKLines(t *testing.T) {
	above := func(kV float64) float64 {
		s := Tube{kV, 3, 0}.photons()
		line := s[59-firstKeV]
		return line / ((s[59-firstKeV-4] + s[59-firstKeV+4]) / 2)
	}
	if k := above(69); k > 1.1 {
		t.Errorf("69 kV: Kα1 %.2f times its surroundings", k)
	}
	if k := above(120); k < 3 || k > 6 {
		t.Errorf("120 kV: Kα1 %.2f times its surroundings", k)
	}
}

// exact returns −ln of the signal behind mm of the materials, with all energies.
func exact(t Tube, mm map[*spectrum]float64) float64 {
	in, out := 0.0, 0.0
	for i, n := range t.photons() {
		n *= scintillator()[i]
		p := 0.0
		for mu, x := range mm {
			p += mu[i] * x
		}
		in, out = in+n, out+n*math.Exp(-p)
	}
	return math.Log(in / out)
}

// Two materials, twelve energies and a table represent all materials and energies.
func TestAbsorberIsExact(t *testing.T) {
	m := tissues()
	fat, marrow := inMuscleAndBone(&m.adipose), inMuscleAndBone(&m.marrow)
	for _, tube := range []Tube{{50, 2.5, 0}, {70, 3, 0}, {90, 3, .1}, {120, 3.5, .2}} {
		b := NewBeam(tube)
		a := b.Absorber([2]float32{0, -4}, [2]float32{350, 60})
		for _, mm := range [][4]float64{{1, 0, 0, 0}, {20, 5, 2, 3}, {60, 20, 6, 20}, {200, 80, 15, 30}, {0, 60, 0, 0}, {30, 0, 20, 0}} {
			want := exact(tube, map[*spectrum]float64{&m.muscle: mm[0], &m.adipose: mm[1], &m.cortical: mm[2], &m.marrow: mm[3]})
			got := float64(a.At(float32(mm[0]+mm[1]*fat.Muscle+mm[3]*marrow.Muscle), float32(mm[2]+mm[1]*fat.Cortical+mm[3]*marrow.Cortical)))
			if math.Abs(got-want) > .01+.01*want {
				t.Errorf("%g kV behind %v mm: −ln(signal) %.3f, want %.3f", tube.KV, mm, got, want)
			}
		}
	}
}

// A beam hardens on its way: the same bone attenuates it less behind more muscle, and at a
// higher voltage.
func TestHardening(t *testing.T) {
	bone := func(kV, behind float64) float64 {
		b := NewBeam(Tube{kV, 3, 0})
		return b.integral(behind, 5) - b.integral(behind, 0)
	}
	for _, c := range [][2]float64{{bone(60, 0), bone(60, 100)}, {bone(60, 50), bone(110, 50)}} {
		if c[1] > .95*c[0] {
			t.Errorf("5 mm of bone: %.3f, then %.3f", c[0], c[1])
		}
	}
}

func TestHardeningOfBeams(t *testing.T) {
	for _, kV := range []float64{50, 80, 120} {
		b := NewBeam(Tube{kV, 3, 0})
		var before, after, n float64
		for k, x := range b.signal {
			y := x * math.Exp(-b.muscle[k]*typical)
			before, after, n = before+x*b.light[k], after+y*b.light[k], n+y
		}
		want := after / n / before
		if got := 1 + b.Hardening()*b.integral(typical, 0); math.Abs(got-want) > 1e-9 || got < 1.02 {
			t.Errorf("%g kV: a quantum weighs %.4f times as much behind %d mm, want %.4f", kV, got, typical, want)
		}
	}
}

func TestCoefficients(t *testing.T) {
	b := NewBeam(Tube{60, 3, 0})
	var last float64
	for _, m := range []Material{Lung, adipose, Muscle, Plaster, corticalBone, Titanium, Iron, Lead} {
		if got := b.Coefficient(m); got <= last {
			t.Errorf("%.4f per mm after %.4f", got, last)
		} else {
			last = got
		}
	}
	direct := b.integral(typical+1, 0) - b.integral(typical, 0)
	if got := b.Coefficient(Muscle); math.Abs(got/direct-1) > .02 {
		t.Errorf("muscle %.5f per mm, directly %.5f", got, direct)
	}
}

// integral returns the attenuation integral that an Absorber tabulates: −ln of the signal
// relative to air, behind mm of muscle and cortical bone.
func (b *Beam) integral(muscle, cortical float64) float64 {
	s := 0.0
	for k, n := range b.signal {
		s += n * math.Exp(-b.muscle[k]*muscle-b.cortical[k]*cortical)
	}
	return -math.Log(s)
}
