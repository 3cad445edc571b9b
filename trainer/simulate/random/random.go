// Package random is where the simulation's chance comes from: dice that repeat to the bit for a seed, a stream and an
// index. It draws numbers; what they mean is the callers'.
package random

import "math/rand/v2"

// Dice draws every random quantity of one view or one sample, so that results depend on seed and index only. It is not
// safe for concurrent use.
type Dice struct{ *rand.Rand }

// New returns the dice of an index in a stream of a seed. Streams are numbered by the package that uses them; the same
// three numbers give the same throws.
func New(seed uint64, stream, index int) Dice {
	return Dice{rand.New(rand.NewPCG(seed*0x9e3779b97f4a7c15+uint64(stream), uint64(index)*0xbf58476d1ce4e5b9+1))}
}

// Uni is uniform from lo to hi.
func (d Dice) Uni(lo, hi float64) float64 { return lo + (hi-lo)*d.Float64() }

// Gauss has the mean mu and the standard deviation sigma.
func (d Dice) Gauss(mu, sigma float64) float64 { return mu + sigma*d.NormFloat64() }

// Chance is true with the probability p.
func (d Dice) Chance(p float64) bool { return d.Float64() < p }

// Between is one of lo … hi−1, each as often; it needs lo < hi.
func (d Dice) Between(lo, hi int) int { return lo + d.IntN(hi-lo) }

// Pick is one of at least one value, each as often.
func (d Dice) Pick(v ...float64) float64 { return v[d.IntN(len(v))] }

// Choose draws one of 0 … n−1, each as often as its weight says.
func (d Dice) Choose(n int, weight func(int) float64) int {
	total := 0.
	for k := range n {
		total += weight(k)
	}
	x := d.Uni(0, total)
	for k := range n {
		if x -= weight(k); x < 0 {
			return k
		}
	}
	return n - 1
}
