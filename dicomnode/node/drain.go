package node

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"dicomnode/internal/archive"
)

// DrainKey is where a node that is drained stores its [Draining] in the archive.
const DrainKey = "draining"

// Draining is the progress of a node that is drained.
type Draining struct {
	Since        time.Time `json:"since"` // of the drain that the node carries out
	Associations int       `json:"associations"`
}

// drain reports whether the node is being drained.
type drain struct {
	asked     atomic.Pointer[archive.Pause] // nil: no drain
	announced Draining
}

// drainInterval is how often a node checks for a drain.
const drainInterval = time.Second

// watchDrain carries out "dicomnode drain" until ctx ends. A node that starts accepts
// associations.
func (n *Node) watchDrain(ctx context.Context) {
	if was, err := n.archive.EndDrain(ctx); err != nil {
		n.log.Error("cannot end an earlier drain", "error", err)
	} else if was {
		n.log.Info("receiving again after a drain")
	}
	tick := time.NewTicker(drainInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := n.checkDrain(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("cannot check for a drain", "error", err)
		}
	}
}

// checkDrain starts or ends a drain as requested, and stores its progress.
func (n *Node) checkDrain(ctx context.Context) error {
	p, drained, err := n.archive.Drained(ctx)
	before := n.drain.asked.Load()
	switch {
	case err != nil:
		return err
	case !drained && before != nil:
		n.drain.asked.Store(nil)
		n.log.Info("receiving again", "drained_for", time.Since(before.Since).Round(time.Second))
	case drained && (before == nil || !before.Since.Equal(p.Since)):
		n.drain.asked.Store(&p)
		n.log.Info("draining: further associations are refused", "who", p.Who, "reason", p.Reason, "associations", n.server.Associations())
	}
	if !drained {
		return nil
	}
	return n.announceDraining(ctx, Draining{p.Since, n.server.Associations()})
}

func (n *Node) announceDraining(ctx context.Context, d Draining) error {
	if d == n.drain.announced {
		return nil
	}
	b, err := json.Marshal(d)
	if err == nil {
		err = n.archive.Remember(ctx, DrainKey, string(b))
	}
	if err == nil {
		n.drain.announced = d
	}
	return err
}
