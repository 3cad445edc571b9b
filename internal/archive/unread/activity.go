package unread

import (
	"sync"
	"time"
)

// Activity counts the objects that are being received and the images that jobs work on. The
// zero value is that of an archive that was never active. Its methods may be called
// concurrently.
type Activity struct {
	mu    sync.Mutex
	now   int
	ended time.Time // when the latest of them ended
}

// Begin counts one more until the returned function is called.
func (a *Activity) Begin() (end func()) {
	a.mu.Lock()
	a.now++
	a.mu.Unlock()
	return func() {
		a.mu.Lock()
		a.now--
		a.ended = time.Now()
		a.mu.Unlock()
	}
}

// Idle reports whether there was nothing for a time.
func (a *Activity) Idle(since time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now == 0 && time.Since(a.ended) >= since
}
