package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river"
)

// Kinds of jobs. Segment and dark jobs have the queue of their kind, each
// destination has a queue of its own, so that none waits for another.
const (
	kindSegment = "segment"
	kindDark    = "dark"
	kindDeliver = "deliver"
)

type segmentArgs struct {
	ObjectID int64 `json:"object_id"`
}

type darkArgs struct {
	ObjectID int64 `json:"object_id"`
}

type deliverArgs struct {
	ObjectID    int64  `json:"object_id"`
	Destination string `json:"destination"`
}

func (segmentArgs) Kind() string { return kindSegment }
func (darkArgs) Kind() string    { return kindDark }
func (deliverArgs) Kind() string { return kindDeliver }

// deliverQueue names the queue of a destination. River allows few characters
// in a queue's name, so it is a digest.
func deliverQueue(destination string) string {
	digest := sha256.Sum256([]byte(destination))
	return "deliver-" + hex.EncodeToString(digest[:8])
}

// job is a job to insert, in its queue.
func (a *Archive) job(args river.JobArgs, queue string) river.InsertManyParams {
	return river.InsertManyParams{Args: args, InsertOpts: &river.InsertOpts{Queue: queue, MaxAttempts: a.opt.MaxAttempts}}
}

// jobsFor are the jobs a received object needs.
func (a *Archive) jobsFor(o Object) []river.InsertManyParams {
	switch o.Purpose {
	case Segment:
		return []river.InsertManyParams{a.job(segmentArgs{o.ID}, kindSegment)}
	case Dark:
		return []river.InsertManyParams{a.job(darkArgs{o.ID}, kindDark)}
	}
	return nil
}

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// Permanent marks err as one that a repeat cannot mend: the job goes to
// quarantine with err as the reason. It is nil when err is.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

// outcome says to River what a handler's error means.
func outcome(err error) error {
	var permanent permanentError
	if errors.As(err, &permanent) {
		return river.JobCancel(err)
	}
	return err
}

// pause is how long to wait after a job has failed for the attempt-th time:
// RetryBase doubled each time, at most RetryMax, give or take a tenth so that
// many jobs do not come back at once.
func (o Options) pause(attempt int) time.Duration {
	d := o.RetryMax
	if shift := max(attempt-1, 0); shift < 40 && o.RetryBase<<shift>>shift == o.RetryBase {
		d = min(d, o.RetryBase<<shift)
	}
	return d*9/10 + rand.N(d/5+1)
}
