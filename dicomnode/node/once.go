package node

import "sync"

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
