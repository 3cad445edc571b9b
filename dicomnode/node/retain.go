package node

import (
	"context"
	"fmt"
	"time"

	"dicomnode/internal/archive"
	"dicomnode/segment/dark"
)

// retainEvery is how often the node looks for expired objects. A burst of images must not fill
// the disk in between.
const retainEvery = time.Minute

// calibrationsEvery is the interval at which expired calibrations are looked for.
const calibrationsEvery = time.Hour

// retain removes finished objects at intervals until ctx ends: those that have expired, and
// more when disk space is low; and the calibrations of detectors that are not used any more.
func (n *Node) retain(ctx context.Context) {
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	var looked time.Time
	for {
		n.removeOld(ctx)
		n.removeForRoom(ctx)
		if time.Since(looked) >= calibrationsEvery {
			n.removeCalibrations(ctx)
			looked = time.Now()
		}
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
	if keep == 0 || n.hasCommitted(ctx) {
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
	if want == 0 || n.hasCommitted(ctx) {
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

// removeCalibrations removes what has not been used for long, after an announcement. Each
// removal is noted among the manual acts first, by the user of the node.
func (n *Node) removeCalibrations(ctx context.Context) {
	keep := n.config.Load().Retention.Calibrations
	if n.darks == nil || keep == 0 {
		return
	}
	announced, err := n.darks.Expire(time.Now(), keep, func(u dark.Unused) error {
		why := fmt.Sprintf("not used since %s, retention.calibrations is %d days", u.Last.Format(time.DateOnly), keep/(24*time.Hour))
		if err := n.archive.Note(archive.WithReason(ctx, why), "expire", "calibration of "+u.Key.String()); err != nil {
			return err
		}
		n.log.Warn("calibration removed: its detector sent nothing for long", "detector", u.Key.String(), "last_used", u.Last, "hint", "its next images get an estimate until dark frames are sent again")
		return nil
	})
	for _, u := range announced {
		n.log.Warn("calibration will be removed: its detector has sent nothing for long", "detector", u.Key.String(), "last_used", u.Last, "goes", u.Goes,
			"hint", "a dark frame or an image of the detector keeps it; retention.calibrations says for how long")
	}
	if err != nil && ctx.Err() == nil {
		n.log.Error("calibrations not looked after", "error", err)
	}
}
