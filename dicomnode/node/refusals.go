package node

import (
	"sync"
	"time"
)

// refusals remember since when destinations refuse objects. They are forgotten when the
// node ends, which gives an object some more time.
type refusals struct {
	mu    sync.Mutex
	since map[refusal]time.Time
}

type refusal struct {
	object      int64
	destination string
}

// maxRefusals bounds what is remembered; what is forgotten gets more time.
const maxRefusals = 100_000

// lasted notes a refusal and reports whether the first one is so long ago.
func (r *refusals) lasted(object int64, destination string, d time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := refusal{object, destination}
	begun, again := r.since[key]
	if again {
		return time.Since(begun) >= d
	}
	if r.since == nil || len(r.since) >= maxRefusals {
		r.since = map[refusal]time.Time{}
	}
	r.since[key] = time.Now()
	return false
}

// end forgets an object that was taken or given up.
func (r *refusals) end(object int64, destination string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.since, refusal{object, destination})
}
