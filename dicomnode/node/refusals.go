package node

import (
	"sync"
	"time"
)

// refusals records since when destinations refuse objects. A restart of the node resets the
// times, which only gives an object more attempts.
type refusals struct {
	mu    sync.Mutex
	since map[refusal]time.Time
}

type refusal struct {
	object      int64
	destination string
}

// maxRefusals limits the number of records.
const maxRefusals = 100_000

// lasted records a refusal and reports whether the first one is older than d.
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

// end removes an object that was delivered or quarantined, or that could not be sent in between:
// only an uninterrupted time of refusals counts.
func (r *refusals) end(object int64, destination string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.since, refusal{object, destination})
}

// once reports the first occurrence of each key, so that it is logged once. It is reset at a
// reload, and when it has too many keys.
type once struct {
	mu   sync.Mutex
	seen map[string]bool
}

// maxOnce limits the number of keys: AE titles and modalities come from outside.
const maxOnce = 1000

// first reports whether the key is new.
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
