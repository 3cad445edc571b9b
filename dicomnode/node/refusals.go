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

// once tells the first time of each thing from the others, so that the log says it once.
// It forgets at a reload, and when it has met too many things to remember.
type once struct {
	mu   sync.Mutex
	seen map[string]bool
}

// maxOnce bounds what is remembered: AE titles and modalities come from outside.
const maxOnce = 1000

// first reports whether the thing was not met before.
func (o *once) first(thing string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen[thing] {
		return false
	}
	if o.seen == nil || len(o.seen) >= maxOnce {
		o.seen = map[string]bool{}
	}
	o.seen[thing] = true
	return true
}

func (o *once) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = nil
}
