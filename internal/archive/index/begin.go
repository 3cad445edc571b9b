package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// wholeCheck is the largest database, bytes, whose rows and indexes are compared
// at each start: some 0.5 s. A larger one is checked page by page only.
const wholeCheck = 64 << 20

// begin checks the database and brings it up to date.
func (s *SQLite) begin(ctx context.Context, create func() error) (err error) {
	if err := s.check(ctx); err != nil {
		return err
	}
	if s.From, err = version(ctx, s.write); err != nil {
		return err
	}
	switch {
	case s.From > len(schema):
		return otherSchema(s.From)
	case s.From == 0:
		if err := create(); err != nil {
			return err
		}
	case s.From < len(schema):
		if err := s.copyBeside(ctx); err != nil {
			return err
		}
	}
	if err := migrate(ctx, s.write, s.From); err != nil {
		return fmt.Errorf("prepare %s: %w", FileName, err)
	}
	changes, err := s.Changes(ctx)
	if err != nil {
		return err
	}
	return s.witness.compare(changes)
}

// check runs SQLite's own checks.
func (s *SQLite) check(ctx context.Context) error {
	check := "PRAGMA quick_check(1)"
	if info, err := os.Stat(filepath.Join(s.dir, FileName)); err == nil && info.Size() <= wholeCheck {
		check = "PRAGMA integrity_check(1)"
	}
	var found string
	if err := s.write.QueryRowContext(ctx, check).Scan(&found); err != nil {
		return fmt.Errorf("check %s: %w", FileName, err)
	}
	if found != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, found)
	}
	return nil
}

// copyBeside keeps a database of an older schema as it was.
func (s *SQLite) copyBeside(ctx context.Context) error {
	name := filepath.Join(s.dir, fmt.Sprintf("%s.schema-%d", FileName, s.From))
	err := vacuumInto(ctx, s.dir, name)
	if errors.Is(err, os.ErrExist) {
		return nil // from an earlier try: whoever made it went no further
	}
	if err != nil {
		return fmt.Errorf("copy %s before its schema changes: %w", FileName, err)
	}
	return nil
}

func version(ctx context.Context, db *sql.DB) (have int, err error) {
	err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have)
	return have, err
}

func otherSchema(have int) error {
	if have > len(schema) {
		return fmt.Errorf("%w: schema %d, this one knows %d", ErrNewer, have, len(schema))
	}
	return fmt.Errorf("%w: schema %d, this one wants %d", ErrOld, have, len(schema))
}

// migrate runs the steps beyond have, each in a transaction.
func migrate(ctx context.Context, db *sql.DB, have int) error {
	for ; have < len(schema); have++ {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		step := fmt.Sprintf("%s\nPRAGMA user_version = %d;", schema[have], have+1)
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return errors.Join(err, ignoreDone(tx.Rollback()))
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}
