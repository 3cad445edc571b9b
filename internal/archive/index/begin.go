package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// wholeCheck is the size in bytes up to which rows and indexes of the database are compared at
// each start, which takes about 0.5 s. A larger database is only checked page by page.
const wholeCheck = 64 << 20

// begin checks the database and migrates it to the latest schema.
func (s *SQLite) begin(ctx context.Context, create func() error) (err error) {
	if err := s.check(ctx); err != nil {
		return err
	}
	if s.From, err = version(ctx, s.write); err != nil {
		return err
	}
	switch {
	case s.From == 0:
		if err := create(); err != nil {
			return err
		}
	case s.From < len(schema):
		if err := s.copyBeside(ctx); err != nil {
			return err
		}
	}
	if err := migrate(ctx, s.write, s.From, len(schema)); err != nil {
		return fmt.Errorf("prepare %s: %w", FileName, err)
	}
	if err := s.checkRows(ctx); err != nil {
		return err
	}
	changes, err := s.Changes(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%w: the count of changes is gone", ErrDamaged)
	}
	if err != nil {
		return err
	}
	if err := s.highWater.compare(changes); err != nil {
		return err
	}
	s.log.doubted = true // an earlier process may have been killed after a sync that failed
	return nil
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

// checkRows compares the table definitions with the schema and, in a small database, the rows
// with their checksums.
func (s *SQLite) checkRows(ctx context.Context) error {
	want, err := expected[len(schema)]()
	if err != nil {
		return err
	}
	have, err := definitions(ctx, s.write)
	if err != nil {
		return err
	}
	for name, text := range want {
		if have[name] != text {
			return fmt.Errorf("%w: the definition of %s has changed", ErrDamaged, name)
		}
	}
	if info, err := os.Stat(filepath.Join(s.dir, FileName)); err != nil || info.Size() > wholeCheck {
		return err
	}
	return s.View(ctx, func(tx Tx) error {
		for last := int64(0); ; {
			page, err := tx.Page(last, 1024)
			if err != nil || len(page) == 0 {
				return err
			}
			last = page[len(page)-1].ID
		}
	})
}

// expected returns the definitions that the first n steps of the schema create.
var expected = func() (of []func() (map[string]string, error)) {
	for n := range len(schema) + 1 {
		of = append(of, sync.OnceValues(func() (map[string]string, error) {
			fresh, err := sql.Open("sqlite", "file::memory:")
			if err != nil {
				return nil, err
			}
			defer fresh.Close()
			fresh.SetMaxOpenConns(1) // each connection would open its own database
			if err := migrate(context.Background(), fresh, 0, n); err != nil {
				return nil, err
			}
			return definitions(context.Background(), fresh)
		}))
	}
	return of
}()

// definitions returns the definitions of the tables and indexes of a database by name.
func definitions(ctx context.Context, db *sql.DB) (map[string]string, error) {
	rows, err := db.QueryContext(ctx, "SELECT name, coalesce(sql, '') FROM sqlite_schema")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		all[name] = text
	}
	return all, rows.Err()
}

// copyBeside writes a copy of a database with an older schema beside it.
func (s *SQLite) copyBeside(ctx context.Context) error {
	name := filepath.Join(s.dir, fmt.Sprintf("%s.schema-%d", FileName, s.From))
	err := vacuumInto(ctx, s.dir, name)
	if errors.Is(err, os.ErrExist) {
		return nil // left by an earlier attempt that failed after the copy
	}
	if err != nil {
		return fmt.Errorf("copy %s before its schema changes: %w", FileName, err)
	}
	return nil
}

// version returns the number of schema steps that made a database, which is in its header. It
// returns ErrNewer if this program does not know as many, and ErrDamaged if the tables are those of
// another number: a damaged header must not be taken for the work of another program.
func version(ctx context.Context, db *sql.DB) (have int, err error) {
	if err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil || have == len(schema) {
		return have, err // checkRows compares the tables
	}
	tables, err := definitions(ctx, db)
	if err != nil {
		return 0, err
	}
	made, foreign, err := stepsOf(tables)
	switch {
	case err != nil:
		return 0, err
	case have > len(schema) && (foreign || made < len(schema)):
		return 0, fmt.Errorf("%w: schema %d, this one knows %d", ErrNewer, have, len(schema))
	case have == made && (have > 0 || tables["object"] == ""), have > 0 && made == 0: // earlier releases wrote some definitions in other words
		return have, nil
	}
	return 0, fmt.Errorf("%w: its header says schema %d, which is not that of its tables", ErrDamaged, have)
}

// stepsOf returns how many steps of the schema create just such tables, 0 if no number does, and
// whether there are tables or indexes that are neither theirs nor of the jobs.
func stepsOf(tables map[string]string) (made int, foreign bool, err error) {
	for n, of := range expected {
		want, err := of()
		if err != nil {
			return 0, false, err
		}
		rest := maps.Clone(tables)
		maps.DeleteFunc(rest, func(name, text string) bool {
			is, ok := want[name]
			return ok && is == text
		})
		if len(tables)-len(rest) == len(want) {
			made, foreign = n, slices.ContainsFunc(slices.Collect(maps.Keys(rest)), isForeign)
		}
	}
	return made, foreign, nil
}

// isForeign reports whether a table or an index is neither of the queue of jobs nor SQLite's own.
func isForeign(name string) bool {
	return !strings.HasPrefix(name, "river_") && !strings.HasPrefix(name, "sqlite_")
}

// migrate runs the schema steps after the first have steps up to step last, each in a transaction.
func migrate(ctx context.Context, db *sql.DB, have, last int) error {
	for ; have < last; have++ {
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
