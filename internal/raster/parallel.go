package raster

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// rowsAtOnce is how many rows a worker of Parallel takes at a time.
const rowsAtOnce = 8

// Parallel calls f for 0..n−1, on as many goroutines as there are processors, and
// returns when all calls have.
func Parallel(n int, f func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), (n+rowsAtOnce-1)/rowsAtOnce)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				lo := int(next.Add(rowsAtOnce)) - rowsAtOnce
				if lo >= n {
					return
				}
				for i := lo; i < min(n, lo+rowsAtOnce); i++ {
					f(i)
				}
			}
		})
	}
	wg.Wait()
}

// Each replaces every value by f of it, in parallel.
func Each(pix []float32, f func(float32) float32) {
	const block = 1 << 14
	Parallel((len(pix)+block-1)/block, func(b int) {
		part := pix[b*block : min(len(pix), (b+1)*block)]
		for i, v := range part {
			part[i] = f(v)
		}
	})
}
