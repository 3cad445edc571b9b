package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// MoveAway renames the database in dir, with its write-ahead log and high-water mark, so that a
// new one can be created. It returns the new name; "" if there is no database.
func MoveAway(dir string) (name string, err error) {
	for i := 1; ; i++ {
		name = fmt.Sprintf("%s.lost-%d", FileName, i)
		if _, err := os.Lstat(filepath.Join(dir, name)); errors.Is(err, os.ErrNotExist) {
			break
		}
	}
	moved := false
	for _, suffix := range []string{"", "-wal", "-shm"} {
		err := os.Rename(filepath.Join(dir, FileName+suffix), filepath.Join(dir, name+suffix))
		if err == nil {
			moved = true
		} else if !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
	}
	if err := os.Remove(filepath.Join(dir, highWaterName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if !moved {
		return "", nil
	}
	return filepath.Join(dir, name), nil
}

// Salvaged is what could be read from a damaged database.
type Salvaged struct {
	Objects            []Object
	Deliveries         []Delivery
	Tombstones         []Tombstone
	Acts               []Act
	Peers              []Peer
	Refusals           []Refusal
	CommitmentRequests []CommitmentRequest
}

// Salvage reads what it can from a database that MoveAway has renamed. The result may be
// incomplete, or empty if nothing can be read.
func Salvage(ctx context.Context, file string) (s Salvaged) {
	path := url.URL{Path: filepath.ToSlash(file)}
	db, err := sql.Open("sqlite", "file:"+path.EscapedPath()+"?mode=rw&_pragma=query_only(1)")
	if err != nil {
		return s
	}
	defer db.Close()
	have, err := version(ctx, db)
	if err != nil || have < columnsSince || have > len(schema) {
		return s
	}
	columns := columns
	if have < crc32cSince {
		columns = strings.Replace(columns, "crc32c", "''", 1)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return s
	}
	defer func() { _ = tx.Rollback() }()
	t := &sqlTx{ctx: ctx, tx: tx}
	s.Objects, _ = list(t, scanObject, "SELECT "+columns+" FROM object")
	s.Deliveries, _ = list(t, scanDelivery, "SELECT "+deliveryColumns+" FROM delivery")
	s.Tombstones, _ = list(t, scanTombstone, "SELECT sop_instance_uid, version, received, path, sha256, pixel_digest, meaning_digest, identity_digest, cause, at, results FROM tombstone ORDER BY id")
	s.Acts, _ = t.Acts(1 << 20)
	s.Peers, _ = t.Peers()
	s.Refusals, _ = t.Refusals()
	s.CommitmentRequests, _ = t.CommitmentRequests()
	return s
}
