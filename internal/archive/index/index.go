// Package index owns the rows of the archive: what objects there are, where
// their results went, what was removed, who called and what people did by hand.
//
// SQLite is the implementation a node uses; all SQL about rows and everything
// that is peculiar to one database is in this package. Memory keeps the same
// promises without a disk, for tests. The package opens no object file, knows no
// job and decides nothing: package archive binds it to files and jobs.
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
)

// Index is a set of tables that are changed in transactions. Its methods may be
// called concurrently.
type Index interface {
	// View runs f on one state of the tables. f must not change them.
	View(ctx context.Context, f func(Tx) error) error
	// Update runs f in a transaction that is durable when Update returns nil,
	// and without effect when f or Update returns an error. Updates run one at
	// a time. f may call View, which shows the state before.
	Update(ctx context.Context, f func(Tx) error) error
	// UpdateUnsynced is an Update that waits for no disk. A killed process does not
	// undo it; a power cut may, with all updates after it, until one that is durable
	// has followed. It is for what the files, or a job that runs once more, restore.
	UpdateUnsynced(ctx context.Context, f func(Tx) error) error
	// Changes counts the updates ever made that changed a row of this package.
	Changes(ctx context.Context) (int64, error)
	// Snapshot writes a copy of the whole database to a file that does not exist
	// yet, while others read and write. The copy is complete and durable.
	Snapshot(ctx context.Context, file string) error
	Close() error
}

// Tx is a transaction on the tables.
type Tx interface {
	Objects
	Deliveries
	Tombstones
	Journal
	Promises

	// SQL is the transaction for whoever keeps tables in the same database; nil
	// when the index has none.
	SQL() *sql.Tx
	// BeforeCommit runs f when all else is done; its error undoes the transaction.
	BeforeCommit(f func() error)
	// OnCommit runs f after the transaction is committed, never otherwise.
	OnCommit(f func())
}

// Objects are the rows of stored instances. Version counts the contents a SOP
// instance has had, from 1.
type Objects interface {
	// Add inserts o and returns its id. ErrExists says that the version of the
	// SOP instance is there.
	Add(o Object) (id int64, err error)
	// Object returns the object with our id, or ErrNotFound.
	Object(id int64) (Object, error)
	// Newest returns the highest version of a SOP instance, or ErrNotFound.
	Newest(sopInstanceUID string) (Object, error)
	// Versions lists the versions of a SOP instance, oldest first.
	Versions(sopInstanceUID string) ([]Object, error)
	// Children lists the objects made of another.
	Children(id int64) ([]Object, error)
	// Search lists at most limit objects that match every field of q that is not
	// empty, the most recent first.
	Search(q Query, limit int) ([]Object, error)
	// Page lists at most limit objects with an id beyond after, in their order.
	Page(after int64, limit int) ([]Object, error)
	// Unsettled lists the received objects that have no outcome and are not
	// superseded.
	Unsettled() ([]Object, error)
	// Named tells which of the file names the rows have.
	Named(names []string) (map[string]bool, error)
	// Set replaces the row with the id of o, but for what identifies it: id, SOP
	// Instance UID and version.
	Set(o Object) error
	// Skip leaves n ids out, which an index that lost its last rows may have given.
	Skip(n int64) error
	// Delete removes rows, with their deliveries.
	Delete(ids ...int64) error
	// Expired lists at most limit received objects that were received before a
	// time, oldest first, without those of busy and without those whose children
	// are in busy.
	Expired(before time.Time, busy []int64, limit int) ([]int64, error)
	// Received tells when objects were received, of those that are there.
	Received(ids []int64) (map[int64]time.Time, error)
	// Count is the number of objects.
	Count() (int64, error)
}

// Deliveries say where results go.
type Deliveries interface {
	// AddDelivery notes that an object goes to a destination; false when that
	// was noted before.
	AddDelivery(object int64, destination string) (bool, error)
	// SetDelivery replaces the delivery of d's object and destination.
	SetDelivery(d Delivery) error
	// DeliveriesOf lists the deliveries of an object by destination.
	DeliveriesOf(object int64) ([]Delivery, error)
	// Undelivered lists the deliveries that are neither done, nor given up, nor held.
	Undelivered() ([]Delivery, error)
	// Held lists the deliveries that wait for a person, by object.
	Held() ([]Delivery, error)
	// InTransaction lists the deliveries with a Transaction UID, by object.
	InTransaction(transactionUID string) ([]Delivery, error)
	// Destinations lists every destination a delivery was ever noted for.
	Destinations() ([]string, error)
}

// Tombstones stand for what was removed on purpose: whoever finds the file, or
// gets the instance again, must know that it is no loss.
type Tombstones interface {
	// Bury adds a tombstone.
	Bury(t Tombstone) error
	// BuriedFiles lists the names among names that a tombstone has.
	BuriedFiles(names []string) (map[string]bool, error)
	// BuriedInstance lists the tombstones of a SOP instance, the latest first.
	BuriedInstance(sopInstanceUID string) ([]Tombstone, error)
	// Forget blanks what the tombstones of SOP instances say about their
	// contents; file names stay.
	Forget(sopInstanceUIDs ...string) error
	// Unbury deletes the tombstones older than a time.
	Unbury(before time.Time) (int, error)
}

// Journal is what others did: peers, refusals and people.
type Journal interface {
	// Saw adds to what is known of a peer.
	Saw(p Peer) error
	Peers() ([]Peer, error)
	// Refuse counts a refusal; those alike in everything but time are one row.
	// The oldest rows go when there are more than MaxRefusals.
	Refuse(r Refusal) error
	Refusals() ([]Refusal, error)
	// Note adds a manual act.
	Note(a Act) error
	// Acts lists at most limit manual acts, the latest first.
	Acts(limit int) ([]Act, error)
	// Value returns a note the program keeps for itself, "" when there is none.
	Value(key string) (string, error)
	SetValue(key, value string) error
}

// Promises are what peers have asked to have committed, until they know the answer.
type Promises interface {
	// SetPromise adds a promise, or replaces the one with the same peer and
	// Transaction UID.
	SetPromise(p Promise) error
	// Promise returns one, or ErrNotFound.
	Promise(peer, transactionUID string) (Promise, error)
	// Promises lists all, the oldest first.
	Promises() ([]Promise, error)
	// Forgo deletes one.
	Forgo(peer, transactionUID string) error
}

// MaxRefusals is how many different refusals are kept.
const MaxRefusals = 1000
