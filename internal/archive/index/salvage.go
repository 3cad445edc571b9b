package index

import (
	"context"
	"database/sql"
	"net/url"
	"path/filepath"
	"strings"
)

// Salvaged is what could be read from a damaged database.
type Salvaged struct {
	LastID             int64 // that an object had; 0 if that cannot be read
	Objects            []Object
	Deliveries         []Delivery
	Tombstones         []Tombstone
	Acts               []Act
	Peers              []Peer
	Refusals           []Refusal
	CommitmentRequests []CommitmentRequest
}

// Salvage reads what it can from a database that BeginRebuild has moved away. The result may be
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
	_ = tx.QueryRowContext(ctx, "SELECT seq FROM sqlite_sequence WHERE name = 'object'").Scan(&s.LastID)
	s.Deliveries, _ = list(t, scanDelivery, "SELECT "+deliveryColumns+" FROM delivery")
	s.Tombstones, _ = list(t, scanTombstone, "SELECT sop_instance_uid, version, received, path, sha256, pixel_digest, meaning_digest, identity_digest, cause, at, results FROM tombstone ORDER BY id")
	s.Acts, _ = t.Acts(1 << 20)
	s.Peers, _ = t.Peers()
	s.Refusals, _ = t.Refusals()
	s.CommitmentRequests, _ = t.CommitmentRequests()
	return s
}
