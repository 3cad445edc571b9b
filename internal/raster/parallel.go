package segment

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// rowsAtOnce is how many rows a worker of parallel takes at a time.
const rowsAtOnce = 8

// parallel calls f for 0..n−1, on as many goroutines as there are processors, and
// returns when all calls have.
func parallel(n int, f func(i int)) {
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
