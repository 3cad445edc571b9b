package node

import (
	"context"
	"time"
)

// retainEvery is how often the node looks for expired objects. A burst of images must not fill
// the disk in between.
const retainEvery = time.Minute

// retain removes finished objects at intervals until ctx ends: those that have expired, and
// more when disk space is low.
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

// removeOld removes expired objects.
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

// removeForRoom removes the oldest finished objects while disk space is low: refusing images
// would be worse than losing copies.
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

// retainFailed logs an error, unless the node is stopping.
func (n *Node) retainFailed(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		n.log.Error("finished objects not removed", "error", err)
	}
}
