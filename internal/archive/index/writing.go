package index

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"

	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"dicomnode/internal/durable"
)

// checkpointEvery is the number of commits without a sync after which the content of the
// write-ahead log is copied to the database, which SQLite itself does after synced commits only.
const checkpointEvery = 64

// writeAheadLog is what is known of SQLite's log. After a sync of it that failed the kernel may
// forget what it could not write, perhaps pages of earlier commits that were left to a later
// sync, and the next sync then succeeds. A power failure would end the log at such a page,
// before all that was committed after it. Therefore nothing is committed before the log, which
// can still be read, has been written once more.
type writeAheadLog struct {
	path     string
	doubted  bool // a sync failed, perhaps in an earlier process
	unsynced int  // commits since the last checkpoint
}

// rewrite writes the log once more. Copying it to the database instead would not do: a power
// failure during the copy can be mended from the log only. Nobody else may write meanwhile.
func (l *writeAheadLog) rewrite() error {
	err := durable.Rewrite(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// unsynced is the key of a context whose transactions need not be synced.
type unsynced struct{}

// Levels of PRAGMA synchronous: commits are synced, or left to a later sync. A checkpoint of
// SQLite's own hides the errors of its syncs. After a synced commit this does not matter: the
// log was synced, and what is not certain of the database is copied again.
const (
	full   = "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000"
	normal = "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0"
)

// writing is the connection that writes. It keeps the log in order, and syncs a commit unless
// the context of its transaction says otherwise.
type writing struct {
	*preparing
	log    *writeAheadLog
	inside bool   // a transaction
	level  string // full or normal; "" if unknown
}

// BeginTx begins a transaction.
func (c *writing) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	tx, err := c.preparing.BeginTx(ctx, opts)
	if err != nil {
		return nil, c.noted(err)
	}
	c.inside = true
	return writingTx{tx, c}, nil
}

type writingTx struct {
	driver.Tx
	c *writing
}

func (t writingTx) Commit() error {
	t.c.inside = false
	return t.c.noted(t.Tx.Commit())
}

func (t writingTx) Rollback() error {
	t.c.inside = false
	return t.Tx.Rollback()
}

// ExecContext runs a statement without rows.
func (c *writing) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	r, err := c.preparing.ExecContext(ctx, query, args)
	return r, c.noted(err)
}

// QueryContext runs a statement with rows.
func (c *writing) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	r, err := c.preparing.QueryContext(ctx, query, args)
	if err != nil {
		return nil, c.noted(err)
	}
	return writingRows{r, c}, nil
}

type writingRows struct {
	driver.Rows
	c *writing
}

func (r writingRows) Next(to []driver.Value) error { return r.c.noted(r.Rows.Next(to)) }
func (r writingRows) Close() error                 { return r.c.noted(r.Rows.Close()) }

// Close closes the connection, at which SQLite copies the content of the log to the database.
func (c *writing) Close() error {
	var err error
	if c.log.doubted {
		err = c.renew(context.Background())
	}
	return errors.Join(err, c.preparing.Close())
}

// noted returns err, after which the log is doubted if it is one of the disk, or the end of a
// context, which hides others.
func (c *writing) noted(err error) error {
	var db *sqlite.Error
	switch {
	case errors.As(err, &db) && db.Code()&0xff == sqlitelib.SQLITE_IOERR,
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		c.log.doubted = true
	}
	return err
}

// ready prepares what is about to commit, unless it is part of a transaction.
func (c *writing) ready(ctx context.Context) error {
	if c.inside {
		return nil
	}
	level := full
	if ctx.Value(unsynced{}) != nil {
		level = normal
		c.log.unsynced++
	}
	ctx = context.WithoutCancel(ctx)
	if c.log.unsynced > checkpointEvery && !c.log.doubted { // a copy of doubted pages could not be mended
		c.log.unsynced = 0
		_ = c.noted(c.checkpoint(ctx)) // what is not copied is copied later
	}
	if c.log.doubted {
		if err := c.renew(ctx); err != nil {
			return fmt.Errorf("%w: %w", ErrUntrusted, err)
		}
	}
	return c.setLevel(ctx, level)
}

// renew makes a doubted log certain, in a transaction that keeps other processes from writing.
func (c *writing) renew(ctx context.Context) error {
	tx, err := c.preparing.BeginTx(ctx, driver.TxOptions{})
	if err != nil {
		return err
	}
	err = errors.Join(c.log.rewrite(), tx.Rollback())
	if err == nil {
		c.log.doubted = false
	}
	return err
}

// checkpoint copies the content of the log to the database, except what a reader needs.
func (c *writing) checkpoint(ctx context.Context) error {
	rows, err := c.driverConn.QueryContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)", nil)
	if err != nil {
		return err
	}
	return errors.Join(rows.Next(make([]driver.Value, len(rows.Columns()))), rows.Close())
}

// setLevel says whether commits are synced. It is no statement for the prepared ones: SQLite
// prepares these anew each time.
func (c *writing) setLevel(ctx context.Context, level string) error {
	if c.level == level {
		return nil
	}
	c.level = ""
	if _, err := c.driverConn.ExecContext(ctx, level, nil); err != nil {
		return c.noted(err)
	}
	c.level = level
	return nil
}
