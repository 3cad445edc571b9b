package dataset

import "sync"

// ticker returns a function that counts its calls and passes the count on; it
// may be called concurrently.
func ticker(progress func(done, total int), total int) func() {
	var mu sync.Mutex
	done := 0
	return func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		if progress != nil {
			progress(done, total)
		}
	}
}
