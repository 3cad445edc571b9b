// Package jobs owns the work that is still to be done about objects: what waits,
// in which order, how often it was tried and when it is tried again.
//
// River on SQLite is the implementation a node uses; all SQL about jobs is in
// this package. Memory keeps the same promises without a disk, for tests. The
// package knows an object by its number only and does no work itself: package
// archive inserts jobs together with rows and gives them to handlers.
package jobs

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"
)

// Queue keeps jobs and gives them to handlers. Its methods may be called
// concurrently.
type Queue interface {
	// Insert adds jobs in a transaction: they exist when it commits.
	Insert(ctx context.Context, tx Tx, jobs ...Job) error
	// Undone lists the objects that jobs which are not done are about, those in
	// quarantine too, each once.
	Undone(ctx context.Context, tx Tx) ([]int64, error)
	// Of lists the jobs about objects that are not done, by id.
	Of(ctx context.Context, tx Tx, objects ...int64) ([]Entry, error)
	// List lists the jobs that are not done, by id.
	List(ctx context.Context) ([]Entry, error)
	// Stats counts them.
	Stats(ctx context.Context) (Stats, error)
	// Retry makes jobs due now and forgets how often they have failed: those with
	// the ids, or all quarantined ones when there are none. Running jobs are left
	// alone. It returns how many jobs it changed.
	Retry(ctx context.Context, tx Tx, ids ...int64) (int, error)
	// Wake makes jobs with the ids due now that wait for later; how often they have
	// failed is kept.
	Wake(ctx context.Context, tx Tx, ids ...int64) error
	// Drop removes jobs that are not running: those with the ids, or all
	// quarantined ones when there are none. It returns what it removed.
	Drop(ctx context.Context, tx Tx, ids ...int64) ([]Entry, error)
	// Rescue has jobs with the ids wait again that run. Only whoever knows that no
	// process works may call it: they ran when the last one ended.
	Rescue(ctx context.Context, tx Tx, ids ...int64) error
	// Work gives jobs to handlers until ctx ends, then waits for those that run,
	// up to Options.StopTimeout, and cancels the rest, which will be repeated.
	// Jobs that ran when the last process ended begin again. Only one process may
	// work at a time.
	Work(ctx context.Context, h Handlers) error
}

// Tx is a transaction of whoever keeps the rows that jobs go with.
type Tx interface {
	SQL() *sql.Tx
	OnCommit(f func())
}

// Job is work to be done about an object.
type Job struct {
	Kind        Kind
	ObjectID    int64
	Destination string   // of a Deliver job
	Priority    Priority // 0 means New
	Model       string   // of a Segment job that wants another model than the one in use; the caller's name for it
}

// Priority is the order in which waiting jobs of a queue begin.
type Priority int

// The priorities. What has just arrived goes before what people ask for again.
const (
	New   Priority = 1
	Again Priority = 3
)

// Handlers do jobs by kind; jobs of a kind without one wait. An error made by
// Permanent quarantines the job; any other is retried with growing pauses.
type Handlers map[Kind]func(ctx context.Context, r Run) error

// Run is a job that a handler does.
type Run struct {
	Job
	ID       int64
	Attempt  int  // from 1
	Last     bool // a failure of this attempt quarantines the job
	complete func(ctx context.Context, tx Tx) error
}

// Complete ends the job in a transaction, so that it ends together with what was
// done. A job whose handler returns nil without it ends a moment later.
func (r Run) Complete(ctx context.Context, tx Tx) error { return r.complete(ctx, tx) }

// Entry is a job that is not done. It holds no patient data.
type Entry struct {
	ID int64
	Job
	State    State
	Attempts int       // begun so far
	NextAt   time.Time // when it is due; zero when quarantined
	Reason   string    // the last error
}

// State of a job.
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
	Oldest                                  time.Time // when the oldest that is not quarantined was made; zero when none
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

// Permanent marks err as one that a repeat cannot mend: the job goes to
// quarantine with err as the reason. It is nil when err is.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

// IsPermanent reports whether Permanent made err, or an error in it.
func IsPermanent(err error) bool {
	var p permanentError
	return errors.As(err, &p)
}

// LaterError ends a run that was no try: the job is due again after the pause, and the
// attempt is not counted. The job waits and shows the error as its reason.
type LaterError struct {
	Err   error
	Pause time.Duration // at most maxLater
}

// maxLater is the longest pause of a LaterError: what waits for longer was put off by a
// clock that ran ahead.
const maxLater = 10 * time.Minute

// Error implements error.
func (e *LaterError) Error() string { return e.Err.Error() }

// Unwrap returns what the job waits for.
func (e *LaterError) Unwrap() error { return e.Err }

// report says in the log what becomes of a job that failed. Deliveries that are tried
// again are left out: whoever calls destinations knows more of them.
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

// Pause is how long to wait after a job has failed for the attempt-th time:
// RetryBase doubled each time, at most RetryMax, give or take a tenth so that
// many jobs do not come back at once.
func (o Options) Pause(attempt int) time.Duration {
	d := o.longest(attempt)
	return d*9/10 + rand.N(d/5+1)
}

// longest is what Pause varies.
func (o Options) longest(attempt int) time.Duration {
	d := o.RetryMax
	if shift := max(attempt-1, 0); shift < 40 && o.RetryBase<<shift>>shift == o.RetryBase {
		d = min(d, o.RetryBase<<shift)
	}
	return d
}
