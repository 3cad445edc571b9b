package index

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"
)

// sqlTx is a transaction of SQLite.
type sqlTx struct {
	ctx     context.Context
	tx      *sql.Tx
	changed bool
	before  []func() error
	after   []func()
}

var _ Tx = (*sqlTx)(nil)

func (t *sqlTx) SQL() *sql.Tx { return t.tx }

func (t *sqlTx) BeforeCommit(f func() error) { t.before = append(t.before, f) }

func (t *sqlTx) OnCommit(f func()) { t.after = append(t.after, f) }

// exec runs a statement that changes rows.
func (t *sqlTx) exec(statement string, args ...any) (rows int64, err error) {
	t.changed = true
	res, err := t.tx.ExecContext(t.ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// row is a *sql.Row or *sql.Rows.
type row interface{ Scan(...any) error }

// list runs a query and scans its rows.
func list[T any](t *sqlTx, scan func(row) (T, error), query string, args ...any) (all []T, err error) {
	rows, err := t.tx.QueryContext(t.ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// one scans a single column.
func one[T any](r row) (v T, err error) {
	err = r.Scan(&v)
	return v, err
}

// set turns the names that a query returned into a set.
func set(names []string, err error) (map[string]bool, error) {
	if err != nil {
		return nil, err
	}
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m, nil
}

// array encodes a list for SQLite's json_each.
func array[T int64 | string](values []T) string {
	if len(values) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(values) // encoding numbers and strings cannot fail
	return string(b)
}

// nanos returns a time as it is stored: nanoseconds since 1970, 0 for the zero time.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}
