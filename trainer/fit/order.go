package fit

import (
	"math/rand/v2"
	"sync"
)

// random is the generator of the k-th picture of a run.
func random(seed, k uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, k)) }

// order chooses the sample of the k-th picture: every sample once per epoch in
// an order of its own, or, with weights, a folder by its weight and a sample of it
// at random.
type order struct {
	seed    uint64
	total   int
	starts  []int     // first sample of each folder, and the end
	weights []float64 // cumulative, up to 1; empty for epochs

	cache *epochs
}

// epochs keeps the permutation in use.
type epochs struct {
	mu    sync.Mutex
	epoch uint64
	perm  []int
}

// newOrder orders the samples of folders with the given sizes. weights is nil or the sampling
// weight of each folder.
func newOrder(seed uint64, sizes []int, weights []float64) order {
	o := order{seed: seed, starts: []int{0}, cache: &epochs{}}
	for _, n := range sizes {
		o.total += n
		o.starts = append(o.starts, o.total)
	}
	var sum float64
	for _, s := range weights {
		sum += s
	}
	var done float64
	for _, s := range weights {
		done += s
		o.weights = append(o.weights, done/sum)
	}
	return o
}

func (o order) index(k uint64, r *rand.Rand) int {
	if len(o.weights) == 0 {
		return o.permutation(k / uint64(o.total))[k%uint64(o.total)]
	}
	u := r.Float64()
	folder := 0
	for folder < len(o.weights)-1 && u >= o.weights[folder] {
		folder++
	}
	return o.starts[folder] + r.IntN(o.starts[folder+1]-o.starts[folder])
}

func (o order) permutation(epoch uint64) []int {
	o.cache.mu.Lock()
	defer o.cache.mu.Unlock()
	if o.cache.perm == nil || o.cache.epoch != epoch {
		o.cache.perm = rand.New(rand.NewPCG(o.seed^0x9e3779b97f4a7c15, epoch)).Perm(o.total)
		o.cache.epoch = epoch
	}
	return o.cache.perm
}
