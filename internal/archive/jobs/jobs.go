// Package jobs owns the queue of pending work on objects: which jobs wait, in which order, how
// often each was tried and when it is tried again.
//
// A node uses the implementation on River and SQLite. All SQL about jobs is in this package.
// Memory implements the same interface without a disk, for tests. The package knows objects by
// number only. Package archive inserts jobs in the same transaction as rows, and its handlers
// do the work.
package jobs

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"
)

// Queue stores jobs and calls handlers for them. Its methods may be called concurrently.
type Queue interface {
	// Insert adds jobs in a transaction; they exist when it commits.
	Insert(ctx context.Context, tx Tx, jobs ...Job) error
	// Undone lists, each once, the objects of jobs that are not done, including quarantined
	// jobs.
	Undone(ctx context.Context, tx Tx) ([]int64, error)
	// Of lists the jobs of objects that are not done, by id.
	Of(ctx context.Context, tx Tx, objects ...int64) ([]Entry, error)
	// List lists the jobs that are not done, by id.
	List(ctx context.Context) ([]Entry, error)
	// Stats counts the jobs that are not done.
	Stats(ctx context.Context) (Stats, error)
	// Retry makes jobs due now and resets their failure count: those with the ids, or all
	// quarantined jobs if no ids are given. Running jobs are not changed. It returns the number
	// of changed jobs.
	Retry(ctx context.Context, tx Tx, ids ...int64) (int, error)
	// Wake makes the waiting jobs with the ids due now. Their failure count stays.
	Wake(ctx context.Context, tx Tx, ids ...int64) error
	// Drop removes jobs that are not running: those with the ids, or all quarantined jobs if no
	// ids are given. It returns the removed jobs.
	Drop(ctx context.Context, tx Tx, ids ...int64) ([]Entry, error)
	// Rescue sets running jobs with the ids to waiting. Call it only when no process works: the
	// jobs ran when the last process ended.
	Rescue(ctx context.Context, tx Tx, ids ...int64) error
	// Work calls handlers for jobs until ctx ends. Then it waits for running jobs up to
	// Options.StopTimeout, and cancels the rest, which will be repeated. Jobs that ran when the
	// last process ended start again. Only one process may work at a time.
	Work(ctx context.Context, h Handlers) error
}

// Tx is a transaction of the index, in which jobs change together with rows.
type Tx interface {
	SQL() *sql.Tx
	OnCommit(f func())
}

// Job is work to be done on an object.
type Job struct {
	Kind        Kind
	ObjectID    int64
	Destination string   // of a Deliver job
	Priority    Priority // 0 means New
	Model       string   // of a Segment job for another model than the one in use; the caller chooses the name
}

// Priority orders the waiting jobs of a queue.
type Priority int

// The priorities. New objects come before repeated work that a person requested.
const (
	New   Priority = 1
	Again Priority = 3
)

// Handlers are functions that do the jobs of a kind. Jobs of a kind without a handler wait. An
// error made by Permanent quarantines the job; any other error is retried with growing pauses.
type Handlers map[Kind]func(ctx context.Context, r Run) error

// Run is one attempt at a job.
type Run struct {
	Job
	ID       int64
	Attempt  int  // 1 for the first attempt
	Last     bool // a failure of this attempt quarantines the job
	complete func(ctx context.Context, tx Tx) error
}

// Complete ends the job in a transaction, together with its results. If a handler returns nil
// without calling Complete, the job ends shortly afterwards.
func (r Run) Complete(ctx context.Context, tx Tx) error { return r.complete(ctx, tx) }

// Entry is a job that is not done. It contains no patient data.
type Entry struct {
	ID int64
	Job
	State    State
	Attempts int       // started so far
	NextAt   time.Time // when it is due; zero when quarantined
	Reason   string    // the last error
}

// State is the state of a job.
type State string

// The states. A quarantined job waits for Retry or Drop.
const (
	Waiting     State = "waiting"
	Running     State = "running"
	Retrying    State = "retrying"
	Quarantined State = "quarantined"
)

// Stats counts jobs that are not done.
type Stats struct {
	Waiting, Running, Retrying, Quarantined int
	Oldest                                  time.Time // when the oldest job outside quarantine was added; zero if there is none
}

func (s *Stats) of(state State) *int {
	switch state {
	case Running:
		return &s.Running
	case Retrying:
		return &s.Retrying
	case Quarantined:
		return &s.Quarantined
	}
	return &s.Waiting
}

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// Permanent marks err as one that a retry cannot fix: the job is quarantined with err as the
// reason. It returns nil if err is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

// IsPermanent reports whether err is or wraps an error made by Permanent.
func IsPermanent(err error) bool {
	var p permanentError
	return errors.As(err, &p)
}

// LaterError postpones a job: it is due again after the pause, and no attempt is counted. The
// waiting job shows the error as its reason.
type LaterError struct {
	Err   error
	Pause time.Duration // at most maxLater
}

// maxLater is the longest pause of a LaterError. A longer wait is treated as the effect of a
// wrong clock.
const maxLater = 10 * time.Minute

// Error returns the text of e.Err.
func (e *LaterError) Error() string { return e.Err.Error() }

// Unwrap returns e.Err.
func (e *LaterError) Unwrap() error { return e.Err }

// report logs a failed job. It does not log deliveries that will be retried: the handler logs
// them with more detail.
func (o Options) report(r Run, err error) {
	log := o.Log.With("job", r.ID, "kind", r.Kind, "object", r.ObjectID)
	if r.Destination != "" {
		log = log.With("destination", r.Destination)
	}
	switch {
	case r.Last || IsPermanent(err):
		log.Error("job quarantined", "attempts", r.Attempt, "error", err, "hint", "dicomnode queue list; dicomnode queue retry "+strconv.FormatInt(r.ID, 10))
	case r.Kind != Deliver:
		log.Warn("job failed, it is retried", "attempts", r.Attempt, "error", err)
	}
}

// Pause returns the pause after the given failed attempt: RetryBase, doubled with each attempt,
// at most RetryMax. It varies at random by 10 %, so that many jobs do not become due at once.
func (o Options) Pause(attempt int) time.Duration {
	d := o.longest(attempt)
	return d*9/10 + rand.N(d/5+1)
}

// longest returns the pause before the random variation.
func (o Options) longest(attempt int) time.Duration {
	d := o.RetryMax
	if shift := max(attempt-1, 0); shift < 40 && o.RetryBase<<shift>>shift == o.RetryBase {
		d = min(d, o.RetryBase<<shift)
	}
	return d
}
