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
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
	"dicomnode/internal/archive/lock"
	"dicomnode/internal/archive/store"
)

// Errors that callers branch on.
var (
	ErrNoSpace    = errors.New("no space left for objects")                              // PS3.4 B.2.3: A700
	ErrUnreadable = errors.New("data set cannot be read")                                // C000
	ErrMismatch   = errors.New("data set does not match SOP class or instance")          // A900
	ErrDuplicate  = errors.New("SOP instance is already stored with other pixels")       // same UID, another image
	ErrDamaged    = errors.New("the stored object is missing or damaged")                // send it again
	ErrIndex      = errors.New("the index does not belong to the objects in its folder") // archive rebuild or restore
	ErrRebuilding = index.ErrRebuilding                                                  // an ErrIndex: archive rebuild
	ErrInUse      = lock.ErrInUse                                                        //
	ErrGone       = lock.ErrGone                                                         //
	ErrOldSchema  = index.ErrOld                                                         // of the index: its owner brings it up to date
	ErrNewSchema  = index.ErrNewer                                                       // of the index: a newer program reads it
	ErrNotFound   = index.ErrNotFound                                                    // no such object

	// Syncs have failed, and what they lost is not known: nothing is kept until the disk works
	// (the index) or the program has started again (files).
	ErrUntrustedFiles = store.ErrUntrusted
	ErrUntrustedIndex = index.ErrUntrusted
)

// Purpose is what a received object is for.
type Purpose = string

// The purposes. Keep stores the object without a job.
const (
	Segment Purpose = "segment"
	Dark    Purpose = "dark"
	Keep    Purpose = "keep"
)

// Outcomes of received objects.
const (
	Segmented = "segmented" // results were made
	NoRoute   = "no route"  // no route matches the object
	Learnt    = "learnt"    // a dark frame was added
	Kept      = "kept"      // no job was needed
	Repeated  = "repeated"  // results were made when it was received earlier
)

// Digests identify contents independently of their encoding.
type Digests = index.Digests

// Query selects objects.
type Query = index.Query

// Options configure an Archive; only Dir is required.
type Options struct {
	Dir string       // created when absent
	Log *slog.Logger // nil discards

	MinFree int64 // Receive refuses with ErrNoSpace below this many free bytes; 0 means 256 MiB, negative none

	// Digest computes the digests of the Part 10 file of size bytes in r. It is called when an
	// instance is received again with different bytes. If it is nil, or fails, contents cannot
	// be compared and are stored as a further version.
	Digest func(ctx context.Context, r io.Reader, size int64) (Digests, error)

	SegmentWorkers int           // parallel segment jobs; 0 means 1
	DeliverWorkers int           // parallel deliveries per destination; 0 means 2
	SegmentTimeout time.Duration // of one segment or dark job; 0 means 10 minutes
	DeliverTimeout time.Duration // of one delivery; 0 means 10 minutes
	IdleAfter      time.Duration // how long nothing must have been received or segmented before Work reads objects for their SHA-256; 0 means 10 s
	StopTimeout    time.Duration // how long Work waits for running jobs when its context ends; 0 means 10 s

	RetryBase   time.Duration // pause after the first failure; 0 means 5 s, doubled each time
	RetryMax    time.Duration // longest pause; 0 means 30 minutes
	MaxAttempts int           // 0 means as many as fill 7 days

	ImplementationClassUID    string // (0002,0012) of the files written; "" means part10's
	ImplementationVersionName string // (0002,0013)
}

// Incoming describes an object before it is received: what the C-STORE command and the
// association say, and what the node has decided.
type Incoming struct {
	SOPClassUID       string
	SOPInstanceUID    string
	TransferSyntaxUID string
	CallingAE         string
	CalledAE          string
	Source            string // name of the peer in the configuration
	Route             string // name of the route in the configuration
	Purpose           Purpose
	// Unrouted reports, before the file of an image can be opened, that no route takes it: it
	// is then stored without a job. nil gives every image a job.
	Unrouted func(Object) bool
}

// Output is an object made from another. Write may be called again after a crash and must then
// write the same bytes. Its errors quarantine the job, except errors of the writer, because
// encoding would fail again.
type Output struct {
	SOPClassUID       string
	SOPInstanceUID    string
	TransferSyntaxUID string
	Write             func(io.Writer) error // writes the data set, without file meta information
	Destinations      []string              // names of the destinations
}

// Made is the result of a Segment handler.
type Made struct {
	Outcome string // Segmented or NoRoute; "" means Segmented
	Route   string // name of the route that matched
	Outputs []Output
	Digests Digests  // of the object, if they were computed on the way
	Quality *float64 // quality of the result, nil if there is none
	Held    string   // why the outputs are held until a person releases them, without patient data; "": deliver
}

// Answer is the answer of a destination.
type Answer struct {
	Status int    // of the C-STORE response (PS3.4 Table B.2-1); -1 if there was none
	Words  string // in words, without patient data
	// Commit means that the destination must commit what it has stored before the delivery is
	// done.
	Commit bool
}

// Handlers run the jobs. Jobs without a handler wait. A handler may be called again for the
// same object, so it must be repeatable. An error made by Permanent quarantines the job, one by
// Later postpones it, one by Instead replaces the delivery by that of another result; any other
// error is retried with growing pauses. A panic of Segment or Dark is permanent, because it
// would happen again; one of Deliver is retried.
type Handlers struct {
	Segment func(ctx context.Context, o Object) (Made, error)
	Dark    func(ctx context.Context, o Object) error
	Deliver func(ctx context.Context, o Object, destination string) (Answer, error)
	// Commit handles a delivery that the destination has stored and must commit: its state is
	// Sent, Requested or NotCommitted. It returns the next state, "" for the same, and an error
	// unless that is Delivered: Later while it has to wait. It may be nil if no Answer has
	// Commit.
	Commit func(ctx context.Context, o Object, d index.Delivery) (index.DeliveryState, error)
}

// Permanent marks err as one that a retry cannot mend: the job is quarantined with err as the
// reason. It returns nil if err is nil.
func Permanent(err error) error { return jobs.Permanent(err) }

const defaultMinFree = 256 << 20

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.MinFree = cmp.Or(o.MinFree, defaultMinFree)
	o.IdleAfter = cmp.Or(o.IdleAfter, 10*time.Second)
	return o
}

// jobs are the options of the jobs; crashed is how the last process ended.
func (o Options) jobs(crashed bool) jobs.Options {
	return jobs.Options{
		Log: o.Log, SegmentWorkers: o.SegmentWorkers, DeliverWorkers: o.DeliverWorkers,
		SegmentTimeout: o.SegmentTimeout, DeliverTimeout: o.DeliverTimeout, StopTimeout: o.StopTimeout,
		RetryBase: o.RetryBase, RetryMax: o.RetryMax, MaxAttempts: o.MaxAttempts, Crashed: crashed,
	}
}

// NotePeer records an association of a peer and its number of objects. It is written to disk
// within seconds.
func (a *Archive) NotePeer(p index.Peer, objects int64) { a.sightings.Peer(p, objects) }

// NoteRefusal records a rejected association or refused object. It is written to disk within
// seconds. Its text must not contain patient data.
func (a *Archive) NoteRefusal(r index.Refusal) { a.sightings.Refusal(r) }

// Peers lists the peers that were seen, the latest first.
func (a *Archive) Peers(ctx context.Context) ([]index.Peer, error) {
	return view(ctx, a, func(tx index.Tx) ([]index.Peer, error) { return tx.Peers() })
}

// Refusals lists rejections, the latest first.
func (a *Archive) Refusals(ctx context.Context) ([]index.Refusal, error) {
	return view(ctx, a, func(tx index.Tx) ([]index.Refusal, error) { return tx.Refusals() })
}

// Acts lists at most limit manual actions, the latest first.
func (a *Archive) Acts(ctx context.Context, limit int) ([]index.Act, error) {
	return view(ctx, a, func(tx index.Tx) ([]index.Act, error) { return tx.Acts(limit) })
}

// drainKey is the key of the Pause of a drain; its Destination is empty.
const drainKey = "drain"

// Drain requests a drain. A running node rejects new associations within seconds and finishes
// its jobs. It is recorded as a manual action.
func (a *Archive) Drain(ctx context.Context) error {
	return a.index.Update(ctx, func(tx index.Tx) error {
		b, err := json.Marshal(Pause{Since: time.Now(), Who: User(), Reason: reasonOf(ctx)})
		if err != nil {
			return err
		}
		if err := tx.SetValue(drainKey, string(b)); err != nil {
			return err
		}
		return act(ctx, tx, "drain", "node")
	})
}

// EndDrain lets the node accept associations again; false if there was no drain. It is recorded
// as a manual action.
func (a *Archive) EndDrain(ctx context.Context) (was bool, err error) {
	err = a.index.Update(ctx, func(tx index.Tx) error {
		v, err := tx.Value(drainKey)
		if was = v != ""; err != nil || !was {
			return err
		}
		if err := tx.SetValue(drainKey, ""); err != nil {
			return err
		}
		return act(ctx, tx, "end drain", "node")
	})
	return was, err
}

// Drained reports whether a drain is requested.
func (a *Archive) Drained(ctx context.Context) (p Pause, drained bool, err error) {
	v, err := a.Recall(ctx, drainKey)
	if err != nil || v == "" {
		return p, false, err
	}
	return p, true, json.Unmarshal([]byte(v), &p)
}

// Answers waits until the index has served a reader and a writer. It changes nothing; an error
// of the index counts as an answer.
func (a *Archive) Answers(ctx context.Context) error {
	_, err := a.Recall(ctx, drainKey)
	return errors.Join(err, a.index.Update(ctx, func(index.Tx) error { return nil }))
}

// Remember stores a value under a key, for Recall in any process.
func (a *Archive) Remember(ctx context.Context, key, value string) error {
	return a.index.Update(ctx, func(tx index.Tx) error { return tx.SetValue(key, value) })
}

// Recall is the value stored by Remember, "" if there is none.
func (a *Archive) Recall(ctx context.Context, key string) (string, error) {
	return view(ctx, a, func(tx index.Tx) (string, error) { return tx.Value(key) })
}

// Destinations lists every destination of any delivery.
func (a *Archive) Destinations(ctx context.Context) ([]string, error) {
	return view(ctx, a, func(tx index.Tx) ([]string, error) { return tx.Destinations() })
}

// Free is the free space, in bytes, of the file system of the objects.
func (a *Archive) Free() (int64, error) { return a.free() }

// Later marks err as that of a job that was not attempted: it is due again after the pause, and
// no attempt is counted. It returns nil if err is nil.
func Later(err error, pause time.Duration) error {
	if err == nil {
		return nil
	}
	return &jobs.LaterError{Err: err, Pause: pause}
}
