// Package archive keeps what the node has accepted, so that nothing acknowledged
// is ever lost: object files, the index of them and the jobs still to be done
// about them.
//
// It binds three packages that do not know each other: store keeps bytes, index
// keeps rows, jobs keeps work. Index and jobs share one database, so a row and
// its job are one transaction. An object is a Part 10 file (PS3.10) under a name
// of our own, which carries in its file meta information what the row knows and
// the data set does not. Receive returns nil only when file, folder and
// transaction are on disk. The package never interprets pixels, and one directory
// belongs to one process at a time.
package archive

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
	"dicomnode/internal/archive/lock"
)

// Errors that callers branch on.
var (
	ErrNoSpace    = errors.New("no space left for objects")                              // PS3.4 B.2.3: A700
	ErrUnreadable = errors.New("data set cannot be read")                                // C000
	ErrMismatch   = errors.New("data set does not match SOP class or instance")          // A900
	ErrDuplicate  = errors.New("SOP instance is already stored with other pixels")       // same UID, another image
	ErrDamaged    = errors.New("the stored object is missing or damaged")                // send it again
	ErrIndex      = errors.New("the index does not belong to the objects in its folder") // archive rebuild or restore
	ErrInUse      = lock.ErrInUse                                                        //
	ErrGone       = lock.ErrGone                                                         //
	ErrOldSchema  = index.ErrOld                                                         // of the index: its owner brings it up to date
	ErrNewSchema  = index.ErrNewer                                                       // of the index: a newer program reads it
	ErrNotFound   = index.ErrNotFound                                                    // no such object
)

// Purpose is what a received object is for.
type Purpose = string

// The purposes. Keep stores the object and does nothing about it.
const (
	Segment Purpose = "segment"
	Dark    Purpose = "dark"
	Keep    Purpose = "keep"
)

// Outcomes of received objects.
const (
	Segmented = "segmented" // results were made
	NoRoute   = "no route"  // no route matches the object
	Learnt    = "learnt"    // a dark frame was learnt
	Kept      = "kept"      // nothing was to be done
	Repeated  = "repeated"  // results were made when it was received before
)

// Digests tell contents apart however they are encoded.
type Digests = index.Digests

// Query chooses objects.
type Query = index.Query

// Options configure an Archive; only Dir is required.
type Options struct {
	Dir string       // created when absent
	Log *slog.Logger // nil discards

	MinFree int64 // Receive refuses with ErrNoSpace below this many free bytes; 0 means 256 MiB, negative none

	// Digest computes the digests of the Part 10 file of size bytes that r holds.
	// It is asked when an instance comes again in other bytes. nil, or an error,
	// means that contents cannot be compared: they are kept as a further version.
	Digest func(ctx context.Context, r io.Reader, size int64) (Digests, error)

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
	// Unrouted tells of an image to be segmented, whose file cannot be opened yet,
	// that no route takes it: it is kept without a job. nil gives every image one.
	Unrouted func(Object) bool
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

// Made is what a Segment handler made of an object.
type Made struct {
	Outcome string // Segmented or NoRoute; "" means Segmented
	Route   string // name of the route that matched
	Outputs []Output
	Digests Digests  // of the object, when they were computed on the way
	Quality *float64 // a figure for the result, nil when there is none
	Held    string   // why a person is to release the outputs before they are delivered, in words without patient data; "": deliver
}

// Answer is what a destination said.
type Answer struct {
	Status int    // of the C-STORE response (PS3.4 Table B.2-1); -1 when there was none
	Words  string // in words, without patient data
	// Commit says that the destination is to commit what it has stored: the
	// delivery is done only then.
	Commit bool
}

// Handlers do the jobs. A nil handler leaves its jobs waiting. A handler may be
// called again for an object it has already handled: what it does must be
// repeatable. An error made by Permanent quarantines the job, one by Later waits, one by
// Instead ends a delivery for another result; any other error is retried with growing pauses. A panic of Segment or Dark is permanent, since the
// same object would meet it again; one of Deliver is retried.
type Handlers struct {
	Segment func(ctx context.Context, o Object) (Made, error)
	Dark    func(ctx context.Context, o Object) error
	Deliver func(ctx context.Context, o Object, destination string) (Answer, error)
	// Commit sees to a delivery that the destination has stored and is to commit: its
	// state is Sent, Requested or NotCommitted. It returns the state that follows,
	// "" for the same, and an error unless that is Delivered: Later while there is
	// nothing to do but wait. It may be nil where no answer says Commit.
	Commit func(ctx context.Context, o Object, d index.Delivery) (index.DeliveryState, error)
}

// Permanent marks err as one that a repeat cannot mend: the job goes to
// quarantine with err as the reason. It is nil when err is.
func Permanent(err error) error { return jobs.Permanent(err) }

const defaultMinFree = 256 << 20

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.MinFree = cmp.Or(o.MinFree, defaultMinFree)
	return o
}

// jobs are the options of the jobs; crashed is about the last process.
func (o Options) jobs(crashed bool) jobs.Options {
	return jobs.Options{
		Log: o.Log, SegmentWorkers: o.SegmentWorkers, DeliverWorkers: o.DeliverWorkers,
		SegmentTimeout: o.SegmentTimeout, DeliverTimeout: o.DeliverTimeout, StopTimeout: o.StopTimeout,
		RetryBase: o.RetryBase, RetryMax: o.RetryMax, MaxAttempts: o.MaxAttempts, Crashed: crashed,
	}
}

// NotePeer notes an association of a peer with so many objects. It is on disk some
// seconds later.
func (a *Archive) NotePeer(p index.Peer, objects int64) { a.noted.Peer(p, objects) }

// NoteRefusal notes an association or object that was not accepted. It is on disk
// some seconds later. Its words must not quote a patient.
func (a *Archive) NoteRefusal(r index.Refusal) { a.noted.Refusal(r) }

// Peers lists the peers that were seen, the latest first.
func (a *Archive) Peers(ctx context.Context) ([]index.Peer, error) {
	return view(ctx, a, func(tx index.Tx) ([]index.Peer, error) { return tx.Peers() })
}

// Refusals lists what was not accepted, the latest first.
func (a *Archive) Refusals(ctx context.Context) ([]index.Refusal, error) {
	return view(ctx, a, func(tx index.Tx) ([]index.Refusal, error) { return tx.Refusals() })
}

// Acts lists at most limit manual acts, the latest first.
func (a *Archive) Acts(ctx context.Context, limit int) ([]index.Act, error) {
	return view(ctx, a, func(tx index.Tx) ([]index.Act, error) { return tx.Acts(limit) })
}
