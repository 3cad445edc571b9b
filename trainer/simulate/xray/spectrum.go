package xray

import (
	"math"
	"sync"
)

// spectrum has a value for each of the energies keV(0) …
type spectrum [bins]float64

// Tube is an X-ray tube with a tungsten anode of 12°: peak voltage in kV, 20 to 120, and total
// filtration in mm of aluminium and of copper.
type Tube struct{ KV, Aluminium, Copper float64 }

// photons returns the number of photons per keV that leave the filter (not normalised), by the
// semi-empirical model of Tucker, Barnes and Chakraborty, Med. Phys. 18 (1991) 211:
// bremsstrahlung and K lines arise at depths given by the Thomson-Whiddington relation and are
// partly absorbed on their way out of the anode.
func (t Tube) photons() spectrum {
	s, w, m := t.bremsstrahlung(), anode(), tissues()
	t.lines(&s, w)
	for i := range s {
		s[i] *= math.Exp(-m.aluminium[i]*t.Aluminium - m.copper[i]*t.Copper)
	}
	return s
}

// anode returns the mass attenuation coefficients of tungsten in cm²/g.
var anode = sync.OnceValue(func() *spectrum {
	var mu spectrum
	for i := range mu {
		mu[i] = elements["W"].at(keV(i))
	}
	return &mu
})

const (
	electronMass = 511.0 // keV
	tungstenK    = 69.525
	// bremsUnit is 1000 α rₑ² N_A Z²/A of tungsten, cm²/g.
	bremsUnit = 10.394
)

var sinAnode = math.Sin(12 * math.Pi / 180)

// bremsstrahlung integrates over the electron's energy T while it slows down (equations 11, 16
// and 18 of Tucker et al.).
func (t Tube) bremsstrahlung() spectrum {
	const steps = 12
	var s spectrum
	w, c := anode(), whiddington(t.KV)
	strength := 3.685e-2 + 2.9e-5*t.KV
	for i := range s {
		e := keV(i)
		if e >= t.KV {
			break
		}
		step := (t.KV - e) / steps
		for j := range steps {
			T := e + (float64(j)+.5)*step
			x := e / T
			shape := 1 + x*(-5.049+x*(10.847+x*(-10.516+x*3.842)))
			stopping := 2024.1 + 10361*math.Exp(-.04695*T) // keV cm²/g
			escape := math.Exp(-w[i] * (t.KV*t.KV - T*T) / (c * sinAnode))
			s[i] += strength * shape * (T + electronMass) / T * escape / stopping * step
		}
		s[i] *= bremsUnit / e
	}
	return s
}

// whiddington returns the Thomson-Whiddington constant of tungsten (keV² cm²/g) as tabulated by
// Birch and Marshall, Phys. Med. Biol. 24 (1979) 505: about 0.60e6 at 50 kV, 0.70e6 at 100 kV.
func whiddington(kV float64) float64 {
	x := kV / 100
	return 1e6 * (.20 + x*(.47+x*(.21+x*1.08))) / (1 + x*(-1.19+x*3))
}

// kLines are energies (keV) and shares of the K fluorescence of tungsten: Kα1, Kα2, Kβ1, Kβ2.
var kLines = [][2]float64{{59.32, .4500}, {57.98, .2592}, {67.2, .1521}, {69.1, .0387}}

// lines adds the K lines (equation 22 of Tucker et al.). They arise at depths where electrons
// are still above the K edge, fewer with depth.
func (t Tube) lines(s *spectrum, w *spectrum) {
	if t.KV <= tungstenK {
		return
	}
	const steps = 8
	depth := (t.KV*t.KV - tungstenK*tungstenK) / whiddington(t.KV) // g/cm²
	born := 1.349e-3 * math.Pow(t.KV/tungstenK-1, 1.648)
	for _, l := range kLines {
		i, out := int(l[0]-firstKeV), 0.0
		for j := range steps {
			x := (float64(j) + .5) / steps
			out += 1.5 * (1 - x*x) * math.Exp(-w[i]*x*depth/sinAnode) / steps
		}
		s[i] += born * l[1] * out
	}
}

// scintillator returns the energy that 0.2 g/cm² of caesium iodide, about 0.55 mm of needles,
// absorbs of a photon.
var scintillator = sync.OnceValue(func() *spectrum {
	var s spectrum
	for i := range s {
		s[i] = keV(i) * (1 - math.Exp(-.2*elements["CsI"].at(keV(i))))
	}
	return &s
})
