package picture

import (
	"math"

	"dicomnode/internal/raster"
)

// leastLogarithm is that of the least probability that counts in a geometric mean: a single
// answer cannot rule out a class that all others see.
const (
	leastLogarithm   = -27.6 // of leastProbability
	leastProbability = 1e-12
)

// Logarithm returns the logarithm of a probability, at least leastLogarithm.
func Logarithm(p float32) float32 {
	if !(p >= leastProbability) {
		return leastLogarithm
	}
	return float32(naturalLogarithm(p))
}

// Logarithms replaces probabilities by their logarithms.
func Logarithms(p []float32) {
	raster.Blocks(len(p), func(from, to int) {
		part := p[from:to]
		for i, v := range part {
			part[i] = Logarithm(v)
		}
	})
}

// Softmax converts logarithms to probabilities.
func Softmax(a, b, c float32) (p, q, r float32) {
	top := max(a, b, c)
	return Normalised([Classes]float64{exponential(a - top), exponential(b - top), exponential(c - top)})
}

// Normalised divides values ≥ 0, of which one is greater, by their sum.
func Normalised(v [Classes]float64) (p, q, r float32) {
	scale := 1 / (v[0] + v[1] + v[2])
	return float32(v[0] * scale), float32(v[1] * scale), float32(v[2] * scale)
}

// Possible returns a probability, at least the least that counts in a geometric mean.
func Possible(p float32) float64 { return float64(max(p, leastProbability)) }

// The tables of logarithms and exponentials. With them both take a third of the time of package
// math, and differ from it by less than 1e-14: once rounded to float32 the results are equal
// but for one in millions.
const (
	logBits = 8 // of the mantissa that select an entry
	expBits = 7 // of the fraction of the power of two

	logFirst    = 0x3f330000 // bits of the float32 0.699, where the table of logarithms begins
	mantissa    = 23         // bits of a float32's
	logShift    = mantissa - logBits
	doubleShift = 52 // bits of a float64's mantissa
)

var (
	logTable = newLogTable()
	expTable = newExpTable()
)

// logEntry has the reciprocal of a value in the middle of an interval, and the logarithm of
// that value.
type logEntry struct{ reciprocal, logarithm float64 }

func newLogTable() (t [1 << logBits]logEntry) {
	for i := range t {
		low := math.Float32frombits(logFirst + uint32(i)<<logShift)
		high := math.Float32frombits(logFirst + uint32(i+1)<<logShift)
		t[i].reciprocal = 2 / (float64(low) + float64(high))
		if low == 1 || high == 1 { // exact, so that logarithms near 0 are accurate
			t[i].reciprocal = 1
		}
		t[i].logarithm = -math.Log(t[i].reciprocal)
	}
	return t
}

func newExpTable() (t [1 << expBits]float64) {
	for i := range t {
		t[i] = math.Exp2(float64(i) / (1 << expBits))
	}
	return t
}

// naturalLogarithm is math.Log of x, which must be a normal number greater than 0.
func naturalLogarithm(x float32) float64 {
	bits := math.Float32bits(x)
	from := bits - logFirst
	entry := &logTable[from>>logShift%(1<<logBits)]
	exponent := int32(from) >> mantissa
	m := math.Float32frombits(bits - uint32(exponent)<<mantissa) // 0.699 to 1.398
	r := float64(m)*entry.reciprocal - 1
	square := r * r
	series := r - square*(0.5-r/3) - square*square*(0.25-r/5)
	return float64(exponent)*math.Ln2 + entry.logarithm + series
}

// exponential is math.Exp of x ≤ 0; 0 where that is less than any float32.
func exponential(x float32) float64 {
	if !(x > -104) {
		return 0
	}
	steps := float64(x) * ((1 << expBits) / math.Ln2)
	k := int64(steps - 0.5) // to the nearest
	r := float64(x) - float64(k)*(math.Ln2/(1<<expBits))
	series := 1 + r*(1+r*(1./2+r*(1./6+r/24)))
	power := math.Float64bits(expTable[k&(1<<expBits-1)]) + uint64(k>>expBits)<<doubleShift
	return math.Float64frombits(power) * series
}
