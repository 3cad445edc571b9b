package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"

	"github.com/riverqueue/river/rivermigrate"
	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// databaseName is the index and job database in Options.Dir.
const databaseName = "index.sqlite"

// schema holds the steps to the index this code writes; PRAGMA user_version of a
// database says how many it has behind it. River's tables stand beside it in the
// same database. received is in nanoseconds since 1970; path is relative to
// Options.Dir.
var schema = []string{`
CREATE TABLE object (
	id                  INTEGER PRIMARY KEY AUTOINCREMENT,
	parent_id           INTEGER NOT NULL DEFAULT 0,
	sop_class_uid       TEXT NOT NULL,
	sop_instance_uid    TEXT NOT NULL UNIQUE,
	transfer_syntax_uid TEXT NOT NULL,
	study_instance_uid  TEXT NOT NULL,
	series_instance_uid TEXT NOT NULL,
	modality            TEXT NOT NULL,
	body_part           TEXT NOT NULL,
	calling_ae          TEXT NOT NULL,
	called_ae           TEXT NOT NULL,
	source              TEXT NOT NULL,
	route               TEXT NOT NULL,
	purpose             TEXT NOT NULL,
	path                TEXT NOT NULL UNIQUE,
	size                INTEGER NOT NULL,
	dataset_offset      INTEGER NOT NULL,
	received            INTEGER NOT NULL
);
CREATE INDEX object_parent ON object (parent_id) WHERE parent_id <> 0;
CREATE TABLE delivery (
	object_id   INTEGER NOT NULL REFERENCES object (id),
	destination TEXT NOT NULL,
	PRIMARY KEY (object_id, destination)
) WITHOUT ROWID;`,
	`CREATE INDEX object_received ON object (received) WHERE parent_id = 0;`,
}

// logLimit is how many bytes of SQLite's log stay on disk after a checkpoint; the
// log grows past it while a long read keeps it from being emptied.
const logLimit = 16 << 20

// openDatabase returns two pools on the database of dir: one connection for
// everything that writes, River included, so that writers queue here and never
// wait on SQLite's lock, and a few for reading.
func openDatabase(ctx context.Context, dir string) (write, read *sql.DB, err error) {
	if write, err = sql.Open("sqlite", dataSource(dir, "immediate", "")); err != nil {
		return nil, nil, err
	}
	write.SetMaxOpenConns(1)
	if err := migrate(ctx, write); err != nil {
		write.Close()
		return nil, nil, fmt.Errorf("prepare %s: %w", databaseName, err)
	}
	if read, err = sql.Open("sqlite", dataSource(dir, "deferred", "&_pragma=query_only(1)")); err != nil {
		write.Close()
		return nil, nil, err
	}
	read.SetMaxOpenConns(4)
	return write, read, nil
}

// dataSource spells the connection for modernc.org/sqlite, without // before the
// path, which may be relative. synchronous=FULL makes each commit wait for the
// disk, in WAL mode too.
func dataSource(dir, lock, more string) string {
	path := url.URL{Path: filepath.ToSlash(filepath.Join(dir, databaseName))}
	return "file:" + path.EscapedPath() + "?_txlock=" + lock +
		"&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=journal_size_limit(" + strconv.Itoa(logLimit) + ")" + more
}

// migrate brings River's tables and ours to the version this code knows.
func migrate(ctx context.Context, db *sql.DB) error {
	var have int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	if have > len(schema) {
		return fmt.Errorf("written by a newer version: schema %d, this one knows %d", have, len(schema))
	}
	migrator, err := rivermigrate.New(newDriver(db, nil), nil)
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	for ; have < len(schema); have++ {
		step := fmt.Sprintf("%s\nPRAGMA user_version = %d;", schema[have], have+1)
		if err := inTx(ctx, db, func(tx *sql.Tx) error { _, err := tx.ExecContext(ctx, step); return err }); err != nil {
			return err
		}
	}
	return nil
}

// inTx runs f in a transaction that is committed when f returns nil.
func inTx(ctx context.Context, db *sql.DB, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
