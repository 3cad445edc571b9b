package jobs

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"time"
)

// Kind says what a job does.
type Kind string

// The kinds.
const (
	Segment Kind = "segment" // makes the results of an image
	Dark    Kind = "dark"    // adds a dark frame
	Deliver Kind = "deliver" // sends a result to a destination
)

// Options configure a Queue.
type Options struct {
	Log *slog.Logger // nil discards

	SegmentWorkers int           // parallel segment jobs; 0 means 1
	DeliverWorkers int           // parallel deliveries per destination; 0 means 2
	SegmentTimeout time.Duration // of one segment or dark job; 0 means 10 minutes
	DeliverTimeout time.Duration // of one delivery; 0 means 10 minutes
	StopTimeout    time.Duration // how long Work waits for running jobs when its context ends; 0 means 10 s

	RetryBase   time.Duration // pause after the first failure; 0 means 5 s, doubled each time
	RetryMax    time.Duration // longest pause; 0 means 30 minutes
	MaxAttempts int           // 0 means as many as fill 7 days

	// Crashed says that the last process crashed or was killed by the kernel for lack of
	// memory. Any job that ran then may be the cause.
	Crashed bool
	// Unsynced runs transactions that a power failure may undo, such as the start of a job. If
	// it is nil, every transaction is synced to disk.
	Unsynced Unsynced
}

// defaultAttempts at intervals of RetryMax last 7 days (7 × 48 pauses of 30 minutes and the
// shorter ones before). After that nobody expects a delivery any more.
const defaultAttempts = 350

// WithDefaults returns o with defaults in place of zero values.
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

// kindProperties holds the properties of a kind of jobs.
type kindProperties struct {
	kind Kind
	// perDestination gives each destination its own queue, so that none waits for another.
	// Otherwise the kind has one queue.
	perDestination bool
	workers        func(Options) int
	timeout        func(Options) time.Duration
	// crashes is how many crashes of the process while a job runs quarantine the job. It is 2
	// for kinds that decode images: decoding needs memory and handles a peer's bytes.
	crashes int
	// panicIsFinal makes a panic a permanent error, because the same object would cause it
	// again.
	panicIsFinal bool
}

// kinds is the table of all kinds.
var kinds = []kindProperties{
	{Segment, false, func(o Options) int { return o.SegmentWorkers }, func(o Options) time.Duration { return o.SegmentTimeout }, 2, true},
	{Dark, false, func(Options) int { return 1 }, func(o Options) time.Duration { return o.SegmentTimeout }, 2, true},
	{Deliver, true, func(o Options) int { return o.DeliverWorkers }, func(o Options) time.Duration { return o.DeliverTimeout }, maxEnds, false},
}

// maxEnds is how many ends of the process, for any reason, while a job runs quarantine the job.
// It is high because a kill or a power failure is usually not the job's fault.
const maxEnds = 10

// of returns the properties of a kind. An unknown kind has those of Deliver.
func of(k Kind) kindProperties {
	for _, c := range kinds {
		if c.kind == k {
			return c
		}
	}
	return kinds[len(kinds)-1]
}

// queue returns the name of the job's queue. River allows few characters in it, so that of a
// destination is a hash.
func (j Job) queue() string {
	if !of(j.Kind).perDestination {
		return string(j.Kind)
	}
	digest := sha256.Sum256([]byte(j.Destination))
	return string(j.Kind) + "-" + hex.EncodeToString(digest[:8])
}
