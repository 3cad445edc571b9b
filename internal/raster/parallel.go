package raster

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// rowsAtOnce is how many rows a worker of Parallel takes at a time, where there are many.
const rowsAtOnce = 8

// Parallel calls f for 0..n−1, on as many goroutines as there are processors, and
// returns when all calls have.
func Parallel(n int, f func(i int)) {
	ParallelWith(n, func() struct{} { return struct{}{} }, func(i int, _ struct{}) { f(i) })
}

// ParallelWith is Parallel with memory that each goroutine has for itself and uses again,
// such as a row.
func ParallelWith[T any](n int, scratch func() T, f func(i int, own T)) {
	var next atomic.Int64
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers == 0 {
		return
	}
	atOnce := min(rowsAtOnce, max(1, n/workers/4))
	work := func() {
		own := scratch()
		for {
			lo := int(next.Add(int64(atOnce))) - atOnce
			if lo >= n {
				return
			}
			for i := lo; i < min(n, lo+atOnce); i++ {
				f(i, own)
			}
		}
	}
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

// block is how many values Blocks gives at a time.
const block = 1 << 10

// Blocks calls f for parts of n values, in parallel: from to to−1 each.
func Blocks(n int, f func(from, to int)) {
	Parallel((n+block-1)/block, func(b int) { f(b*block, min(n, (b+1)*block)) })
}

// Each replaces every value by f of it, in parallel.
func Each(pix []float32, f func(float32) float32) {
	Blocks(len(pix), func(from, to int) {
		part := pix[from:to]
		for i, v := range part {
			part[i] = f(v)
		}
	})
}

// Copy copies src to dst, which is as long, in parallel.
func Copy(dst, src []float32) {
	Blocks(len(src), func(from, to int) { copy(dst[from:to], src[from:to]) })
}
