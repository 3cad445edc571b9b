package operate

import (
	"testing"
	"time"

	"dicomnode/internal/archive"
	"dicomnode/internal/archive/jobs"
)

// A drain waits for what is done now, and not for what has been put off: a paused
// destination, or one that has not committed, would keep it for ever.
func TestDrainCounts(t *testing.T) {
	now := time.Now()
	var queue []archive.Entry
	for _, e := range []jobs.Entry{
		{State: archive.Running},
		{State: archive.Waiting, NextAt: now.Add(-time.Second)},
		{State: archive.Waiting, NextAt: now.Add(time.Minute), Reason: archive.ErrNotCommitted.Error()},
		{State: archive.Retrying, NextAt: now.Add(-time.Second)},
		{State: archive.Quarantined},
	} {
		queue = append(queue, archive.Entry{Entry: e})
	}
	var l remaining
	if l.count(queue, now); l.jobs != 2 || l.waiting != 3 {
		t.Errorf("%d to do and %d kept, want 2 and 3", l.jobs, l.waiting)
	}
}
