package archive

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// maxCrashes is how often the process may end while working on a job before
// the job is taken for the cause and quarantined.
const maxCrashes = 10

// riverTime is the one form in which River stores times in SQLite.
const riverTime = "2006-01-02 15:04:05.000"

func riverNow() string { return time.Now().UTC().Format(riverTime) }

// rescue makes jobs that ran when the last process ended available again. No
// other process can be running them: this one has the lock. The leadership of
// that process ends too, so that retries do not wait for it to expire.
func (a *Archive) rescue(ctx context.Context) error {
	return inTx(ctx, a.write, func(tx *sql.Tx) error {
		reason := fmt.Sprintf("the process ended %d times while working on this job", maxCrashes)
		now := riverNow()
		poison, err := tx.ExecContext(ctx, `UPDATE river_job SET state = 'discarded', finalized_at = ?,
			errors = jsonb_insert(coalesce(errors, jsonb('[]')), '$[#]',
				json_object('at', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 'attempt', attempt, 'error', ?, 'trace', ''))
			WHERE state = 'running' AND attempt - coalesce(json_array_length(errors), 0) >= ?`, now, reason, maxCrashes)
		if err != nil {
			return err
		}
		running, err := tx.ExecContext(ctx, `UPDATE river_job SET state = 'available', scheduled_at = ? WHERE state = 'running'`, now)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM river_leader"); err != nil {
			return err
		}
		quarantined, _ := poison.RowsAffected()
		rescued, _ := running.RowsAffected()
		if quarantined+rescued > 0 {
			a.opt.Log.Info("rescued interrupted jobs", "again", rescued, "quarantined", quarantined)
		}
		return nil
	})
}
