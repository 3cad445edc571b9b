// Package random provides the random numbers of the simulation. They are the same for the same
// seed, stream and index.
package random

import "math/rand/v2"

// Dice draws all random quantities of one view or one sample, so that results depend only on
// seed and index. It is not safe for concurrent use.
type Dice struct{ *rand.Rand }

// New returns the Dice of an index in a stream of a seed. Each package numbers its own streams.
// The same three numbers give the same sequence.
func New(seed uint64, stream, index int) Dice {
	return Dice{rand.New(rand.NewPCG(seed*0x9e3779b97f4a7c15+uint64(stream), uint64(index)*0xbf58476d1ce4e5b9+1))}
}

// Uni returns a number that is uniformly distributed from lo to hi.
func (d Dice) Uni(lo, hi float64) float64 { return lo + (hi-lo)*d.Float64() }

// Gauss returns a normally distributed number with mean mu and standard deviation sigma.
func (d Dice) Gauss(mu, sigma float64) float64 { return mu + sigma*d.NormFloat64() }

// Chance returns true with probability p.
func (d Dice) Chance(p float64) bool { return d.Float64() < p }

// Between returns one of lo … hi−1 with equal probability; lo must be less than hi.
func (d Dice) Between(lo, hi int) int { return lo + d.IntN(hi-lo) }

// Pick returns one of the values with equal probability; there must be at least one.
func (d Dice) Pick(v ...float64) float64 { return v[d.IntN(len(v))] }

// Choose returns one of 0 … n−1, with probabilities proportional to weight.
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
