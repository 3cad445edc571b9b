package jobs

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"time"
)

// Kind is what a job does.
type Kind string

// The kinds.
const (
	Segment Kind = "segment" // makes results of an image
	Dark    Kind = "dark"    // learns a dark frame
	Deliver Kind = "deliver" // brings a result to a destination
)

// Options say how jobs are worked.
type Options struct {
	Log *slog.Logger // nil discards

	SegmentWorkers int           // segment jobs at the same time; 0 means 1
	DeliverWorkers int           // deliveries at the same time, per destination; 0 means 2
	SegmentTimeout time.Duration // of one segment or dark job; 0 means 10 minutes
	DeliverTimeout time.Duration // of one delivery; 0 means 10 minutes
	StopTimeout    time.Duration // how long Work waits for running jobs when its context ends; 0 means 10 s

	RetryBase   time.Duration // pause after the first failure; 0 means 5 s, doubled each time
	RetryMax    time.Duration // longest pause; 0 means 30 minutes
	MaxAttempts int           // 0 means as many as fill 7 days

	// Crashed says that the last process was killed for its memory or crashed:
	// each job that ran then is a suspect.
	Crashed bool
	// Unsynced runs a transaction that a power cut may undo, as the beginning of a job
	// may be; nil makes each wait for the disk.
	Unsynced Unsynced
}

// defaultAttempts at RetryMax apart fill the 7 days after which nobody expects a
// delivery any more (7 × 48 pauses of 30 minutes and the short ones).
const defaultAttempts = 350

// WithDefaults fills what is not set.
func (o Options) WithDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.SegmentWorkers = cmp.Or(o.SegmentWorkers, 1)
	o.DeliverWorkers = cmp.Or(o.DeliverWorkers, 2)
	o.SegmentTimeout = cmp.Or(o.SegmentTimeout, 10*time.Minute)
	o.DeliverTimeout = cmp.Or(o.DeliverTimeout, 10*time.Minute)
	o.StopTimeout = cmp.Or(o.StopTimeout, 10*time.Second)
	o.RetryBase = cmp.Or(o.RetryBase, 5*time.Second)
	o.RetryMax = cmp.Or(o.RetryMax, 30*time.Minute)
	o.MaxAttempts = cmp.Or(o.MaxAttempts, defaultAttempts)
	return o
}

// character is what jobs of one kind have in common.
type character struct {
	kind Kind
	// each destination has a queue of its own, so that none waits for another;
	// otherwise the kind has one.
	perDestination bool
	workers        func(Options) int
	timeout        func(Options) time.Duration
	// crashes is how often the process may crash while a job runs before the job
	// is taken for the cause: twice for what decodes images, which is what takes
	// memory and meets a peer's bytes.
	crashes int
	// panicIsFinal: the same object would meet the panic again.
	panicIsFinal bool
}

// kinds is all that this package knows of kinds.
var kinds = []character{
	{Segment, false, func(o Options) int { return o.SegmentWorkers }, func(o Options) time.Duration { return o.SegmentTimeout }, 2, true},
	{Dark, false, func(Options) int { return 1 }, func(o Options) time.Duration { return o.SegmentTimeout }, 2, true},
	{Deliver, true, func(o Options) int { return o.DeliverWorkers }, func(o Options) time.Duration { return o.DeliverTimeout }, maxEnds, false},
}

// maxEnds is how often the process may end in any way while a job runs: somebody
// who kills it, or a power cut, is no fault of the job.
const maxEnds = 10

// of is the character of a kind; a kind nobody knows is like Deliver's.
func of(k Kind) character {
	for _, c := range kinds {
		if c.kind == k {
			return c
		}
	}
	return kinds[len(kinds)-1]
}

// queue names the queue of a job. River allows few characters in a queue's name,
// so a destination's is a digest.
func (j Job) queue() string {
	if !of(j.Kind).perDestination {
		return string(j.Kind)
	}
	digest := sha256.Sum256([]byte(j.Destination))
	return string(j.Kind) + "-" + hex.EncodeToString(digest[:8])
}
