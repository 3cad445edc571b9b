package jobstest

import (
	"context"
	"errors"
	"testing"
	"time"

	"dicomnode/internal/archive/jobs"
)

// later: a postponed run does not count as an attempt, however often it happens.
func later(t *testing.T, q queue) {
	q.tx(t, func(tx jobs.Tx) error {
		return q.Insert(t.Context(), tx, jobs.Job{Kind: jobs.Deliver, ObjectID: 1, Destination: "pacs"})
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	runs := 0
	err := q.Work(ctx, jobs.Handlers{jobs.Deliver: func(ctx context.Context, r jobs.Run) error {
		if r.Attempt != 1 {
			t.Errorf("run %d is attempt %d, want 1", runs+1, r.Attempt)
		}
		if runs++; runs < 4 {
			return &jobs.LaterError{Err: errors.New("paused"), Pause: time.Millisecond}
		}
		cancel()
		return q.update(context.WithoutCancel(ctx), func(tx jobs.Tx) error { return r.Complete(context.WithoutCancel(ctx), tx) })
	}})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left, err := q.List(t.Context()); runs != 4 || err != nil || len(left) > 0 {
		t.Errorf("%d runs, %d jobs left, %v; want 4 and none: 2 attempts are the most", runs, len(left), err)
	}
}
