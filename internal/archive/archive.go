// Package archive keeps what the node has accepted: object files, the index of
// them and the jobs still to be done about them, so that nothing acknowledged
// is ever lost.
//
// An object is a Part 10 file (PS3.10) under a name of our own. Index and jobs
// share one SQLite database (WAL, synchronous=FULL), so a row and its job are
// one transaction; the jobs are River's. Receive returns nil only when file,
// folder and transaction are on disk. The package never interprets pixels, and
// one directory belongs to one process at a time.
package archive

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"
)

// Errors that callers branch on.
var (
	ErrNoSpace    = errors.New("no space left for objects")                              // PS3.4 B.2.3: A700
	ErrUnreadable = errors.New("data set cannot be read")                                // C000
	ErrMismatch   = errors.New("data set does not match SOP class or instance")          // A900
	ErrDuplicate  = errors.New("SOP instance is already stored with different contents") // same UID, other bytes
	ErrInUse      = errors.New("data directory is in use by another process")
	ErrNotFound   = errors.New("no such object or job")
)

// Purpose is what a received object is for.
type Purpose string

// The purposes. Keep stores the object and does nothing about it.
const (
	Segment Purpose = "segment"
	Dark    Purpose = "dark"
	Keep    Purpose = "keep"
)

// Options configure an Archive; only Dir is required.
type Options struct {
	Dir string       // created when absent, mode 0700
	Log *slog.Logger // nil discards

	MinFree int64 // Receive refuses with ErrNoSpace below this many free bytes; 0 means 256 MiB, negative none

	SegmentWorkers int           // segment jobs at the same time; 0 means 1
	DeliverWorkers int           // deliveries at the same time, per destination; 0 means 2
	SegmentTimeout time.Duration // of one segment or dark job; 0 means 10 minutes
	DeliverTimeout time.Duration // of one delivery; 0 means 10 minutes
	StopTimeout    time.Duration // how long Work waits for running jobs when its context ends; 0 means 10 s

	RetryBase   time.Duration // pause after the first failure; 0 means 5 s, doubled each time
	RetryMax    time.Duration // longest pause; 0 means 30 minutes
	MaxAttempts int           // 0 means as many as fill 7 days

	ImplementationClassUID    string // (0002,0012) of the files written; "" means part10's
	ImplementationVersionName string // (0002,0013)
}

// Incoming describes an object about to be received: what the C-STORE command
// and the association say, and what the node decided about it.
type Incoming struct {
	SOPClassUID       string
	SOPInstanceUID    string
	TransferSyntaxUID string
	CallingAE         string
	CalledAE          string
	Source            string // name of the peer in the configuration
	Route             string // name of the route in the configuration
	Purpose           Purpose
}

// Output is an object made from another. Write may be called again after a crash
// and must write the same bytes then. Its errors quarantine the job, unless they
// are the writer's: what cannot be encoded now cannot be encoded later.
type Output struct {
	SOPClassUID       string
	SOPInstanceUID    string
	TransferSyntaxUID string
	Write             func(io.Writer) error // writes the data set, without file meta information
	Destinations      []string              // names of the peers it goes to
}

// Handlers do the jobs. A nil handler leaves its jobs waiting. A handler may be
// called again for an object it has already handled: what it does must be
// repeatable. An error made by Permanent quarantines the job, any other error is
// retried with growing pauses. A panic of Segment
// or Dark is permanent, since the same object would meet it again; one of Deliver
// is retried.
type Handlers struct {
	Segment func(ctx context.Context, o Object) ([]Output, error)
	Dark    func(ctx context.Context, o Object) error
	Deliver func(ctx context.Context, o Object, destination string) error
}

// Entry is one job that is not done. It holds no patient data.
type Entry struct {
	ID          int64     // of the job
	Kind        string    // segment, dark or deliver
	State       State     //
	Destination string    // of a deliver job
	Attempts    int       // begun so far
	NextAt      time.Time // when it is due; zero when quarantined
	Reason      string    // the last error
	Received    time.Time // of the object
	ObjectID    int64     // ours
}

// State of a job, as Queue shows it.
type State string

// The states. A quarantined job waits for Retry or Drop.
const (
	Waiting     State = "waiting"
	Running     State = "running"
	Retrying    State = "retrying"
	Quarantined State = "quarantined"
)

// Stats counts jobs.
type Stats struct {
	Waiting, Running, Retrying, Quarantined int
	Oldest                                  time.Time // when the oldest job that is not quarantined was made; zero when none
	Objects                                 int64     // stored
}
