// Package index owns the rows of the archive: objects, deliveries of results, tombstones, peers
// and refusals, and manual actions.
//
// A node uses the implementation on SQLite. All SQL about rows and everything specific to
// SQLite is in this package. Memory implements the same interface without a disk, for tests.
// The package opens no object files and knows no jobs: package archive connects it to both.
package index

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("no such object")
	ErrExists   = errors.New("this version of the SOP instance has a row")
	ErrNewer    = errors.New("written by a newer version")
	ErrOld      = errors.New("written by an older version")
	ErrBehind   = errors.New("the index is older than what it was last seen to be")
	ErrDamaged  = errors.New("the index is damaged")
	ErrFull     = errors.New("no space left for the index")
	// ErrUntrusted says that a sync of the index has failed and nothing can be committed before
	// what it may have lost is written again, which failed too.
	ErrUntrusted = errors.New("the disk failed to keep the index")
)

// Index is a set of tables that change in transactions. Its methods may be called concurrently.
type Index interface {
	// View runs f on a snapshot of the tables. f must not change them.
	View(ctx context.Context, f func(Tx) error) error
	// Update runs f in a transaction, which is durable when Update returns nil and rolled back
	// when f or Update returns an error. Updates run one at a time. f may call View, which
	// shows the state before the transaction.
	Update(ctx context.Context, f func(Tx) error) error
	// UpdateUnsynced is an Update that is not synced to disk. It survives the end of the
	// process. A power failure may undo it, with all later updates up to the next durable one.
	// Use it for changes that the object files, or a repeated job, can restore.
	UpdateUnsynced(ctx context.Context, f func(Tx) error) error
	// Known reports whether there is a version or a tombstone of a SOP instance. It costs half
	// of a View that finds nothing.
	Known(ctx context.Context, sopInstanceUID string) (bool, error)
	// Changes counts all updates so far that changed a row of this package.
	Changes(ctx context.Context) (int64, error)
	// Snapshot writes a copy of the database to a new file while others read and write. The
	// copy is complete and durable.
	Snapshot(ctx context.Context, file string) error
	Close() error
}

// Tx is a transaction on the tables.
type Tx interface {
	Objects
	Deliveries
	Tombstones
	Journal
	CommitmentRequests

	// SQL returns the transaction for packages that have tables in the same database; nil if
	// the index has no database.
	SQL() *sql.Tx
	// BeforeCommit runs f immediately before the commit; an error of f rolls the transaction
	// back.
	BeforeCommit(f func() error)
	// OnCommit runs f after the transaction is committed.
	OnCommit(f func())
}

// Objects are the rows of stored instances. Version numbers the contents of a SOP instance from
// 1.
type Objects interface {
	// Add inserts o and returns its id. It returns ErrExists if the version of the SOP instance
	// has a row.
	Add(o Object) (id int64, err error)
	// AddAs is Add with an id that no row has.
	AddAs(id int64, o Object) error
	// Object returns the object with the id, or ErrNotFound.
	Object(id int64) (Object, error)
	// Newest returns the highest version of a SOP instance, or ErrNotFound.
	Newest(sopInstanceUID string) (Object, error)
	// Versions lists the versions of a SOP instance, oldest first.
	Versions(sopInstanceUID string) ([]Object, error)
	// Children lists the results of an object.
	Children(id int64) ([]Object, error)
	// Search lists at most limit objects that match every field of q that is not
	// empty, the most recent first.
	Search(q Query, limit int) ([]Object, error)
	// Page lists at most limit objects with an id greater than after, by id.
	Page(after int64, limit int) ([]Object, error)
	// Unsettled lists the received objects that have no outcome and are not
	// superseded.
	Unsettled() ([]Object, error)
	// Named returns the set of those file names that rows have.
	Named(names []string) (map[string]bool, error)
	// Set replaces the row with the id of o, except its id, SOP Instance UID and version.
	Set(o Object) error
	// Skip leaves out n ids, because rows that were lost may have had them.
	Skip(n int64) error
	// Delete removes rows and their deliveries.
	Delete(ids ...int64) error
	// Expired lists at most limit objects that were received before a time, oldest first. It
	// leaves out objects in busy, those with a child in busy, and those with an earlier version:
	// that would be taken for the newest.
	Expired(before time.Time, busy []int64, limit int) ([]int64, error)
	// Received returns the times of reception of those objects that exist.
	Received(ids []int64) (map[int64]time.Time, error)
	// Count returns the number of objects.
	Count() (int64, error)
}

// Deliveries are the deliveries of results to destinations.
type Deliveries interface {
	// AddDelivery adds a delivery of an object to a destination. It returns false if the
	// delivery exists.
	AddDelivery(object int64, destination string) (bool, error)
	// SetDelivery replaces the delivery of d's object and destination.
	SetDelivery(d Delivery) error
	// DeliveriesOf lists the deliveries of an object by destination.
	DeliveriesOf(object int64) ([]Delivery, error)
	// Undelivered lists the deliveries that are not done, dropped or held.
	Undelivered() ([]Delivery, error)
	// Held lists the deliveries that are held for a person, by object.
	Held() ([]Delivery, error)
	// InTransaction lists the deliveries with a Transaction UID, by object.
	InTransaction(transactionUID string) ([]Delivery, error)
	// Destinations lists all destinations that ever had a delivery.
	Destinations() ([]string, error)
}

// Tombstones record objects that were removed on purpose, so that a leftover file or a repeated
// instance is not taken for a loss.
type Tombstones interface {
	// AddTombstone adds a tombstone.
	AddTombstone(t Tombstone) error
	// TombstoneFiles returns the set of those names that tombstones have.
	TombstoneFiles(names []string) (map[string]bool, error)
	// TombstonesOf lists the tombstones of a SOP instance, latest first.
	TombstonesOf(sopInstanceUID string) ([]Tombstone, error)
	// Forget removes from the tombstones of SOP instances everything but the file names.
	Forget(sopInstanceUIDs ...string) error
	// DeleteTombstones deletes the tombstones older than a time and returns their number.
	DeleteTombstones(before time.Time) (int, error)
}

// Journal records peers, refusals and manual actions.
type Journal interface {
	// Saw updates the record of a peer.
	Saw(p Peer) error
	Peers() ([]Peer, error)
	// Refuse counts a refusal. Refusals that differ only in time share a row. Beyond
	// MaxRefusals the oldest rows are deleted.
	Refuse(r Refusal) error
	Refusals() ([]Refusal, error)
	// Note adds a manual action.
	Note(a Act) error
	// Acts lists at most limit manual actions, latest first.
	Acts(limit int) ([]Act, error)
	// Value returns the stored value of a key, "" if there is none.
	Value(key string) (string, error)
	SetValue(key, value string) error
}

// CommitmentRequests are the peers' requests for storage commitment that are not answered yet.
type CommitmentRequests interface {
	// SetCommitmentRequest adds a request, or replaces the one with the same peer and Transaction UID.
	SetCommitmentRequest(p CommitmentRequest) error
	// CommitmentRequest returns a request, or ErrNotFound.
	CommitmentRequest(peer, transactionUID string) (CommitmentRequest, error)
	// CommitmentRequests lists all requests, oldest first.
	CommitmentRequests() ([]CommitmentRequest, error)
	// DeleteCommitmentRequest deletes a request.
	DeleteCommitmentRequest(peer, transactionUID string) error
}

// MaxRefusals is the number of different refusals that are kept.
const MaxRefusals = 1000
