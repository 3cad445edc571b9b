package node

import (
	"context"
	"time"
)

// retainEvery is how often the node looks for objects whose time is over. A burst
// of images must not fill the disk in between.
const retainEvery = time.Minute

// retain removes what is finished, now and then until ctx ends: what is older
// than the configuration keeps, and more when the disk runs short.
func (n *Node) retain(ctx context.Context) {
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	for {
		n.removeOld(ctx)
		n.removeForRoom(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// removeOld removes what has been kept long enough.
func (n *Node) removeOld(ctx context.Context) {
	keep := n.config.Load().Retention.Keep
	if keep == 0 || n.promised(ctx) {
		return
	}
	removed, err := n.archive.Prune(ctx, time.Now().Add(-keep))
	if removed > 0 {
		n.log.Info("expired objects removed", "objects", removed, "keep", keep)
	}
	n.retainFailed(ctx, err)
}

// removeForRoom removes the oldest of what is finished while the disk is short
// of space: refusing images would be worse than losing copies.
func (n *Node) removeForRoom(ctx context.Context) {
	want := n.config.Load().Retention.MinFree()
	if want == 0 || n.promised(ctx) {
		return
	}
	removed, free, err := n.archive.MakeRoom(ctx, want)
	if removed > 0 {
		n.log.Warn("objects removed before they expired: disk space is low", "objects", removed, "free_mib", free>>20)
	}
	if err == nil && free < want {
		n.log.Error("disk space is low and no finished objects are left to remove", "free_mib", free>>20, "want_mib", want>>20)
	}
	n.retainFailed(ctx, err)
}

// retainFailed reports an error, unless the end was asked for.
func (n *Node) retainFailed(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		n.log.Error("finished objects not removed", "error", err)
	}
}
