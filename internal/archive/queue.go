package archive

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/riverqueue/river"
)

// River's states of jobs that will not run again by themselves, and of all jobs
// that are not done. They are listed, since River's index begins with the state.
const (
	quarantined = `('cancelled', 'discarded')`
	undone      = `('available', 'pending', 'scheduled', 'running', 'retryable', 'cancelled', 'discarded')`
)

// states maps River's states to ours; completed has none.
var states = map[string]State{
	"available": Waiting, "pending": Waiting, "scheduled": Waiting,
	"running": Running, "retryable": Retrying,
	"cancelled": Quarantined, "discarded": Quarantined,
}

// Queue lists the jobs that are not done, oldest first.
func (a *Archive) Queue(ctx context.Context) ([]Entry, error) {
	rows, err := a.read.QueryContext(ctx, `SELECT j.id, j.kind, j.state,
		coalesce(json_extract(j.args, '$.destination'), ''), j.attempt, j.scheduled_at,
		coalesce(json_extract(j.errors, '$[#-1].error'), ''), coalesce(o.received, 0),
		json_extract(j.args, '$.object_id')
		FROM river_job j LEFT JOIN object o ON o.id = json_extract(j.args, '$.object_id')
		WHERE j.state IN `+undone+` ORDER BY j.id`)
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	defer rows.Close()
	var entries []Entry
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, fmt.Errorf("list jobs: %w", err)
		}
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

func scanEntry(rows *sql.Rows) (e Entry, err error) {
	var state string
	var received int64
	if err := rows.Scan(&e.ID, &e.Kind, &state, &e.Destination, &e.Attempts, &e.NextAt, &e.Reason, &received, &e.ObjectID); err != nil {
		return e, err
	}
	e.State, e.Received = states[state], time.Unix(0, received)
	e.Reason = strings.TrimPrefix(e.Reason, "JobCancelError: ") // River's word for Permanent
	switch {
	case e.State == Quarantined:
		e.NextAt = time.Time{}
	case e.State == Waiting && e.Reason != "" && e.NextAt.After(time.Now()):
		e.State = Retrying // River makes short pauses available early
	}
	return e, nil
}

// Stats counts the jobs that are not done.
func (a *Archive) Stats(ctx context.Context) (s Stats, err error) {
	rows, err := a.read.QueryContext(ctx, `SELECT state, count(*) FROM river_job WHERE state IN `+undone+` GROUP BY state`)
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
	err = a.read.QueryRowContext(ctx, `SELECT (SELECT created_at FROM river_job WHERE state NOT IN ('completed', 'cancelled', 'discarded')
		ORDER BY id LIMIT 1), (SELECT count(*) FROM object)`).Scan(&oldest, &s.Objects)
	s.Oldest = oldest.Time
	return s, err
}

func (s *Stats) of(state State) *int {
	switch state {
	case Running:
		return &s.Running
	case Retrying:
		return &s.Retrying
	case Quarantined:
		return &s.Quarantined
	}
	return &s.Waiting
}

// Retry makes jobs due now and forgets how often they have failed: those with
// the ids, or all quarantined ones when there are none. Running jobs are left
// alone. It returns how many jobs it changed; ids that name none are no error.
// Another process may call it on a shared archive.
func (a *Archive) Retry(ctx context.Context, ids ...int64) (int, error) {
	where, arg := selection(ids)
	queues, err := a.change(ctx, `UPDATE river_job SET state = 'available', attempt = 0, finalized_at = NULL, scheduled_at = ?
		WHERE `+where+` RETURNING queue`, riverNow(), arg)
	if err != nil {
		return 0, fmt.Errorf("retry jobs: %w", err)
	}
	a.bell.ring(queues...)
	return len(queues), nil
}

// Drop removes jobs that are not running: those with the ids, or all
// quarantined ones when there are none. Their objects stay. It returns how many
// it removed.
func (a *Archive) Drop(ctx context.Context, ids ...int64) (int, error) {
	where, arg := selection(ids)
	dropped, err := a.change(ctx, "DELETE FROM river_job WHERE "+where+" RETURNING queue", arg)
	if err != nil {
		return 0, fmt.Errorf("drop jobs: %w", err)
	}
	return len(dropped), nil
}

// Requeue makes new jobs for received objects, by our object ids, as if they had
// just arrived: for a new model or a new destination. Outputs and deliveries
// that exist already are not made again. ErrNotFound names an unknown id, and
// then no job is made.
func (a *Archive) Requeue(ctx context.Context, objectIDs ...int64) error {
	var queues []string
	err := inTx(ctx, a.write, func(tx *sql.Tx) error {
		var jobs []river.InsertManyParams
		for _, id := range objectIDs {
			o, err := a.scanObject(tx.QueryRowContext(ctx, "SELECT "+columns+" FROM object WHERE id = ?", id))
			if err != nil {
				return fmt.Errorf("object %d: %w", id, err)
			}
			jobs = append(jobs, a.jobsFor(o)...)
		}
		if len(jobs) == 0 {
			return nil
		}
		for _, j := range jobs {
			queues = append(queues, j.InsertOpts.Queue)
		}
		_, err := a.insert.InsertManyTx(ctx, tx, jobs)
		return err
	})
	if err == nil {
		a.bell.ring(queues...)
	}
	return err
}

// selection is the condition for the jobs with ids that may be changed, or for
// the quarantined ones when there are no ids.
func selection(ids []int64) (where, arg string) {
	if len(ids) == 0 {
		return "state IN " + quarantined + " AND ? = ''", ""
	}
	list, _ := json.Marshal(ids) // integers cannot fail
	return "state NOT IN ('completed', 'running') AND id IN (SELECT value FROM json_each(?))", string(list)
}

// change runs a statement that returns the queue of each job it touched.
func (a *Archive) change(ctx context.Context, statement string, args ...any) (queues []string, err error) {
	rows, err := a.write.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var queue string
		if err := rows.Scan(&queue); err != nil {
			return nil, err
		}
		queues = append(queues, queue)
	}
	return queues, rows.Err()
}
