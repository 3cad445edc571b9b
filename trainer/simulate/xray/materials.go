package xray

import (
	"math"
	"sort"
	"sync"
)

// Spectra are sampled at the middles of bins of 1 keV from 10 to 120 keV.
const (
	firstKeV = 10
	bins     = 110
)

func keV(i int) float64 { return firstKeV + float64(i) + .5 }

// curve is a table of mass attenuation coefficients in cm²/g over energies in keV. A repeated
// energy is an absorption edge.
type curve struct{ kev, mu []float64 }

// at interpolates linearly between the logarithms of the values.
func (c curve) at(e float64) float64 {
	i := sort.Search(len(c.kev), func(i int) bool { return c.kev[i] > e })
	i = min(max(i, 1), len(c.kev)-1)
	t := math.Log(e/c.kev[i-1]) / math.Log(c.kev[i]/c.kev[i-1])
	return c.mu[i-1] * math.Pow(c.mu[i]/c.mu[i-1], t)
}

var commonKeV = []float64{10, 15, 20, 30, 40, 50, 60, 80, 100, 150}

func smooth(mu ...float64) curve { return curve{commonKeV, mu} }

// elements are mass attenuation coefficients with coherent scattering from Hubbell and Seltzer,
// Tables of X-Ray Mass Attenuation Coefficients, NISTIR 5632 (1995, NIST Standard Reference
// Database 126), table 3; CsI is from table 4.
var elements = map[string]curve{
	"H":  smooth(.3854, .3764, .3695, .3570, .3458, .3355, .3260, .3091, .2944, .2651),
	"C":  smooth(2.373, .8071, .4420, .2562, .2076, .1871, .1753, .1610, .1514, .1347),
	"N":  smooth(3.879, 1.236, .6178, .3066, .2288, .1980, .1817, .1639, .1529, .1353),
	"O":  smooth(5.952, 1.836, .8651, .3779, .2585, .2132, .1907, .1678, .1551, .1361),
	"Na": smooth(15.57, 4.694, 2.057, .7197, .3969, .2804, .2268, .1796, .1585, .1335),
	"Mg": smooth(21.05, 6.358, 2.763, .9306, .4881, .3292, .2570, .1951, .1686, .1394),
	"Al": smooth(26.23, 7.955, 3.441, 1.128, .5685, .3681, .2778, .2018, .1704, .1378),
	"P":  smooth(40.35, 12.39, 5.352, 1.700, .8096, .4916, .3494, .2324, .1865, .1432),
	"S":  smooth(50.12, 15.50, 6.708, 2.113, .9872, .5849, .4053, .2585, .2020, .1506),
	"Cl": smooth(57.25, 17.84, 7.739, 2.425, 1.117, .6483, .4395, .2696, .2050, .1480),
	"K":  smooth(79.07, 25.03, 10.93, 3.413, 1.541, .8679, .5678, .3251, .2345, .1582),
	"Ca": smooth(93.41, 29.79, 13.06, 4.080, 1.830, 1.019, .6578, .3656, .2571, .1674),
	"Ti": smooth(110.7, 35.87, 15.85, 4.972, 2.214, 1.213, .7661, .4052, .2721, .1649),
	"Fe": smooth(170.6, 57.08, 25.68, 8.176, 3.629, 1.958, 1.205, .5952, .3717, .1964),
	"Cu": smooth(215.9, 74.05, 33.79, 10.92, 4.862, 2.613, 1.593, .7630, .4584, .2217),
	"W": {
		[]float64{10, 10.2068, 10.2068, 10.8548, 11.544, 11.544, 11.8186, 12.0998, 12.0998, 15, 20, 30, 40, 50, 60, 69.525, 69.525, 80, 100, 150},
		[]float64{96.91, 92.01, 233.4, 198.3, 168.9, 231.2, 226.8, 206.5, 238.2, 138.9, 65.73, 22.73, 10.67, 5.949, 3.713, 2.552, 11.23, 7.810, 4.438, 1.581}},
	"Pb": {
		[]float64{10, 13.0352, 13.0352, 15, 15.2, 15.2, 15.8608, 15.8608, 20, 30, 40, 50, 60, 80, 88.0045, 88.0045, 100, 150},
		[]float64{130.6, 67.01, 162.1, 111.6, 107.8, 148.5, 134.4, 154.8, 86.36, 30.32, 14.36, 8.041, 5.021, 2.419, 1.910, 7.683, 5.549, 2.014}},
	"CsI": {
		[]float64{10, 15, 20, 30, 33.1694, 33.1694, 35.9846, 35.9846, 40, 50, 60, 80, 100, 150},
		[]float64{171.1, 58.15, 26.86, 9.045, 6.923, 21.22, 17.19, 30.27, 22.97, 12.87, 7.921, 3.677, 2.035, .7290}},
}

// portion is an element's share of a mixture's mass.
type portion struct {
	element string
	mass    float64
}

// Material is a mixture: its density in g/cm³ and its elements, in a fixed order so that sums
// are bit-identical.
type Material struct {
	Density float64
	parts   []portion
}

// Tissues from ICRU Report 44 (1989): muscle, adipose tissue, cortical bone, lung, red and
// yellow marrow. Plaster of a cast is gypsum, CaSO₄·2H₂O, about half of it pores.
var (
	Muscle       = Material{1.05, []portion{{"H", .102}, {"C", .143}, {"N", .034}, {"O", .710}, {"Na", .001}, {"P", .002}, {"S", .003}, {"Cl", .001}, {"K", .004}}}
	adipose      = Material{.95, []portion{{"H", .114}, {"C", .598}, {"N", .007}, {"O", .278}, {"Na", .001}, {"S", .001}, {"Cl", .001}}}
	corticalBone = Material{1.92, []portion{{"H", .034}, {"C", .155}, {"N", .042}, {"O", .435}, {"Na", .001}, {"Mg", .002}, {"P", .103}, {"S", .003}, {"Ca", .225}}}
	Lung         = Material{.26, []portion{{"H", .103}, {"C", .105}, {"N", .031}, {"O", .749}, {"Na", .002}, {"P", .002}, {"S", .003}, {"Cl", .003}, {"K", .002}}}
	redMarrow    = Material{1.03, []portion{{"H", .105}, {"C", .414}, {"N", .034}, {"O", .439}, {"P", .001}, {"S", .002}, {"Cl", .002}, {"K", .002}, {"Fe", .001}}}
	yellowMarrow = Material{.98, []portion{{"H", .115}, {"C", .644}, {"N", .007}, {"O", .231}, {"Na", .001}, {"S", .001}, {"Cl", .001}}}
	Plaster      = Material{1.1, []portion{{"H", .0234}, {"O", .5576}, {"S", .1862}, {"Ca", .2328}}}
	aluminium    = Material{2.699, []portion{{"Al", 1}}}
	copper       = Material{8.96, []portion{{"Cu", 1}}}
	Titanium     = Material{4.54, []portion{{"Ti", 1}}}
	Iron         = Material{7.874, []portion{{"Fe", 1}}}
	Lead         = Material{11.35, []portion{{"Pb", 1}}}
)

// mass returns the mass attenuation coefficient of the mixture at e keV in cm²/g.
func (m Material) mass(e float64) float64 {
	mu := 0.0
	for _, p := range m.parts {
		mu += p.mass * elements[p.element].at(e)
	}
	return mu
}

// linear returns the linear attenuation coefficients in 1/mm at keV(0) …
func (m Material) linear() spectrum {
	var mu spectrum
	for i := range mu {
		mu[i] = m.mass(keV(i)) * m.Density / 10
	}
	return mu
}

// tissue contains the linear coefficients that every sample uses; marrow is red and yellow in
// equal volumes.
type tissue struct{ muscle, adipose, cortical, marrow, aluminium, copper spectrum }

var tissues = sync.OnceValue(func() *tissue {
	red, yellow := redMarrow.linear(), yellowMarrow.linear()
	for i := range red {
		red[i] = (red[i] + yellow[i]) / 2
	}
	return &tissue{Muscle.linear(), adipose.linear(), corticalBone.linear(), red, aluminium.linear(), copper.linear()}
})
