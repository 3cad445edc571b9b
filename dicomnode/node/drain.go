package node

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"dicomnode/internal/archive"
)

// DrainKey is where a node that is being drained leaves its [Draining] in the archive.
const DrainKey = "draining"

// Draining is how far a node has come that refuses further associations.
type Draining struct {
	Since        time.Time `json:"since"` // of the drain it obeys
	Associations int       `json:"associations"`
}

// drain is whether somebody has asked the node to receive no more.
type drain struct {
	asked     atomic.Pointer[archive.Pause] // nil: nobody
	announced Draining
}

// drainInterval is how often a node looks whether it is to be drained.
const drainInterval = time.Second

// watchDrain obeys "dicomnode drain" until ctx ends. A node that starts receives.
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
		if err := n.lookForDrain(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("cannot check for a drain", "error", err)
		}
	}
}

// lookForDrain takes over what was asked for, and says how far it has come.
func (n *Node) lookForDrain(ctx context.Context) error {
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
