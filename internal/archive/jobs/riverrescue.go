package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// rescue makes jobs that ran when the last process ended available again, or quarantines them.
// No other process can be running them. It also deletes the leadership of that process, so that
// retries do not wait until it expires.
func (q *River) rescue(ctx context.Context) error {
	tx, err := q.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	suspects, again, err := q.rescueIn(ctx, tx)
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	level := slog.LevelInfo
	if suspects > 0 {
		level = slog.LevelWarn
	}
	if suspects+again > 0 {
		q.opt.Log.Log(ctx, level, "rescued interrupted jobs", "again", again, "quarantined", suspects)
	}
	return nil
}

func (q *River) rescueIn(ctx context.Context, tx *sql.Tx) (suspects, again int64, err error) {
	if q.opt.Crashed {
		if _, err := tx.ExecContext(ctx, `UPDATE river_job SET metadata = jsonb_set(metadata, '$.crashes',
			coalesce(json_extract(metadata, '$.crashes'), 0) + 1) WHERE state = 'running'`); err != nil {
			return 0, 0, err
		}
	}
	for _, c := range kinds {
		n, err := quarantine(ctx, tx, fmt.Sprintf("the process crashed, or was killed for its memory, %d times while working on this job", c.crashes),
			"kind = ? AND coalesce(json_extract(metadata, '$.crashes'), 0) >= ?", string(c.kind), c.crashes)
		if err != nil {
			return 0, 0, err
		}
		suspects += n
	}
	n, err := quarantine(ctx, tx, fmt.Sprintf("the process ended %d times while working on this job", maxEnds),
		"attempt - coalesce(json_array_length(errors), 0) >= ?", maxEnds)
	if err != nil {
		return 0, 0, err
	}
	res, err := tx.ExecContext(ctx, "UPDATE river_job SET state = 'available', scheduled_at = ? WHERE state = 'running'", riverNow())
	if err != nil {
		return 0, 0, err
	}
	again, _ = res.RowsAffected()
	_, err = tx.ExecContext(ctx, "DELETE FROM river_leader")
	return suspects + n, again, err
}

// Rescue implements Queue.
func (q *River) Rescue(ctx context.Context, tx Tx, ids ...int64) error {
	_, err := tx.SQL().ExecContext(ctx, `UPDATE river_job SET state = 'available', scheduled_at = ?
		WHERE state = 'running' AND id IN (SELECT value FROM json_each(?))`, riverNow(), array(ids))
	if err != nil {
		return fmt.Errorf("rescue interrupted jobs: %w", err)
	}
	return nil
}

// quarantine quarantines the running jobs for which a condition holds.
func quarantine(ctx context.Context, tx *sql.Tx, reason, condition string, args ...any) (int64, error) {
	res, err := tx.ExecContext(ctx, `UPDATE river_job SET state = 'discarded', finalized_at = ?,
		errors = jsonb_insert(coalesce(errors, jsonb('[]')), '$[#]',
			json_object('at', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 'attempt', attempt, 'error', ?, 'trace', ''))
		WHERE state = 'running' AND `+condition, append([]any{riverNow(), reason}, args...)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// early is how long before its time a job may start, because River ends short pauses early.
const early = 10 * time.Second

// unstall makes jobs due that wait for longer than any pause lasts: they were postponed while
// the clock was ahead.
func (q *River) unstall(ctx context.Context) error {
	var stalled []int64
	all, err := entries(ctx, q.read, "SELECT "+columns+" FROM river_job WHERE state IN ('available', 'retryable', 'scheduled') AND scheduled_at > ?",
		time.Now().Add(early).UTC().Format(riverTime))
	if err != nil {
		return err
	}
	for _, e := range all {
		longest := maxLater // a postponed job has no attempts, but may wait
		if e.Reason != "" {
			longest = max(longest, q.opt.longest(e.Attempts)*11/10)
		}
		if time.Until(e.NextAt) > longest+early {
			stalled = append(stalled, e.ID)
		}
	}
	if len(stalled) == 0 {
		return nil
	}
	queues, err := list[string](ctx, q.write, `UPDATE river_job SET state = 'available', scheduled_at = ?
		WHERE state IN ('available', 'retryable', 'scheduled') AND id IN (SELECT value FROM json_each(?)) RETURNING queue`, riverNow(), array(stalled))
	if err != nil {
		return err
	}
	q.opt.Log.Warn("jobs were postponed by a clock that was ahead; they are due now", "jobs", len(queues))
	q.announce(queues...)
	return nil
}
