package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// River's states of jobs that do not run again without a manual action, and of all jobs that
// are not done. All states are listed, because River's index begins with the state.
const (
	quarantined = `('cancelled', 'discarded')`
	undone      = `('available', 'pending', 'scheduled', 'running', 'retryable', 'cancelled', 'discarded')`
)

// states maps River's states to State; completed has none.
var states = map[string]State{
	"available": Waiting, "pending": Waiting, "scheduled": Waiting,
	"running": Running, "retryable": Retrying,
	"cancelled": Quarantined, "discarded": Quarantined,
}

// riverTime is the format in which River stores times in SQLite.
const riverTime = "2006-01-02 15:04:05.000"

func riverNow() string { return time.Now().UTC().Format(riverTime) }

// queryer is a *sql.DB or *sql.Tx.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// columns are the columns of an entry, in the order of scanEntry.
const columns = `id, kind, state, json_extract(args, '$.object_id'), coalesce(json_extract(args, '$.destination'), ''),
	priority, attempt, scheduled_at, coalesce(json_extract(errors, '$[#-1].error'), ''),
	coalesce(json_extract(metadata, '$.output'), ''), coalesce(json_extract(args, '$.model'), '')`

// List implements Queue.
func (q *River) List(ctx context.Context) ([]Entry, error) {
	return entries(ctx, q.read, "SELECT "+columns+" FROM river_job WHERE state IN "+undone+" ORDER BY id")
}

// Of implements Queue.
func (q *River) Of(ctx context.Context, tx Tx, objects ...int64) ([]Entry, error) {
	return entries(ctx, tx.SQL(), "SELECT "+columns+" FROM river_job WHERE state IN "+undone+
		" AND json_extract(args, '$.object_id') IN (SELECT value FROM json_each(?)) ORDER BY id", array(objects))
}

// Undone implements Queue.
func (q *River) Undone(ctx context.Context, tx Tx) ([]int64, error) {
	return list[int64](ctx, tx.SQL(), "SELECT DISTINCT json_extract(args, '$.object_id') FROM river_job WHERE state IN "+undone)
}

func entries(ctx context.Context, db queryer, query string, args ...any) (all []Entry, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, fmt.Errorf("list jobs: %w", err)
		}
		all = append(all, e)
	}
	return all, rows.Err()
}

func scanEntry(rows *sql.Rows) (e Entry, err error) {
	var state, awaited string
	if err := rows.Scan(&e.ID, &e.Kind, &state, &e.ObjectID, &e.Destination, &e.Priority, &e.Attempts, &e.NextAt, &e.Reason, &awaited, &e.Model); err != nil {
		return e, err
	}
	e.State = states[state]
	e.Reason = strings.TrimPrefix(e.Reason, "JobCancelError: ") // River's prefix of a permanent error
	switch {
	case e.State == Quarantined:
		e.NextAt = time.Time{}
	case e.State == Waiting && awaited != "":
		e.Reason = awaited
	case e.State == Waiting && e.Reason != "" && e.NextAt.After(time.Now()):
		e.State = Retrying // River makes jobs with a short pause available early
	}
	return e, nil
}

// list runs a query with one column.
func list[T any](ctx context.Context, db queryer, query string, args ...any) (all []T, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// Stats implements Queue.
func (q *River) Stats(ctx context.Context) (s Stats, err error) {
	rows, err := q.read.QueryContext(ctx, "SELECT state, count(*) FROM river_job WHERE state IN "+undone+" GROUP BY state")
	if err != nil {
		return s, fmt.Errorf("count jobs: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var state string
		var n int
		if err := rows.Scan(&state, &n); err != nil {
			return s, err
		}
		*s.of(states[state]) += n
	}
	if err := rows.Err(); err != nil {
		return s, err
	}
	var oldest sql.NullTime
	err = q.read.QueryRowContext(ctx, `SELECT (SELECT created_at FROM river_job WHERE state NOT IN ('completed', 'cancelled', 'discarded')
		ORDER BY id LIMIT 1)`).Scan(&oldest)
	s.Oldest = oldest.Time
	return s, err
}

// Retry implements Queue.
func (q *River) Retry(ctx context.Context, tx Tx, ids ...int64) (int, error) {
	where, arg := selection(ids)
	queues, err := list[string](ctx, tx.SQL(), `UPDATE river_job SET state = 'available', attempt = 0, finalized_at = NULL, scheduled_at = ?,
		metadata = jsonb_remove(metadata, '$.crashes') WHERE `+where+` RETURNING queue`, riverNow(), arg)
	if err != nil {
		return 0, fmt.Errorf("retry jobs: %w", err)
	}
	tx.OnCommit(func() { q.announce(queues...) })
	return len(queues), nil
}

// Wake implements Queue.
func (q *River) Wake(ctx context.Context, tx Tx, ids ...int64) error {
	queues, err := list[string](ctx, tx.SQL(), `UPDATE river_job SET state = 'available', scheduled_at = ?
		WHERE state IN ('available', 'scheduled', 'retryable') AND id IN (SELECT value FROM json_each(?)) RETURNING queue`, riverNow(), array(ids))
	if err != nil {
		return fmt.Errorf("wake jobs: %w", err)
	}
	tx.OnCommit(func() { q.announce(queues...) })
	return nil
}

// Drop implements Queue.
func (q *River) Drop(ctx context.Context, tx Tx, ids ...int64) ([]Entry, error) {
	where, arg := selection(ids)
	dropped, err := entries(ctx, tx.SQL(), "SELECT "+columns+" FROM river_job WHERE "+where, arg)
	if err == nil {
		_, err = tx.SQL().ExecContext(ctx, "DELETE FROM river_job WHERE "+where, arg)
	}
	if err != nil {
		return nil, fmt.Errorf("drop jobs: %w", err)
	}
	return dropped, nil
}

// selection returns the SQL condition for the jobs with ids that may be changed, or for all
// quarantined jobs if there are no ids.
func selection(ids []int64) (where, arg string) {
	if len(ids) == 0 {
		return "state IN " + quarantined + " AND ? = ''", ""
	}
	return "state NOT IN ('completed', 'running') AND id IN (SELECT value FROM json_each(?))", array(ids)
}

func array(ids []int64) string {
	if len(ids) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(ids) // encoding integers cannot fail
	return string(b)
}
