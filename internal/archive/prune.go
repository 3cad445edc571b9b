package archive

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"time"
)

// pruneBatch is how many received objects one transaction of Prune removes.
const pruneBatch = 64

// Prune removes objects received before a time, each with the outputs made of
// it, unless one of them has a job that is not done: what is quarantined stays.
// An object that is sent again later is a new one. It returns how many objects
// it removed.
func (a *Archive) Prune(ctx context.Context, before time.Time) (int, error) {
	if a.lock == nil {
		return 0, fmt.Errorf("prune a shared archive")
	}
	removed := 0
	for last := int64(0); ; {
		var paths []string
		done := true
		err := inTx(ctx, a.write, func(tx *sql.Tx) (err error) {
			var sources []int64
			if sources, err = ids(ctx, tx, prunable, last, before.UnixNano(), pruneBatch); err != nil || len(sources) == 0 {
				return err
			}
			done, last = false, sources[len(sources)-1]
			paths, err = a.deleteFamilies(ctx, tx, sources)
			return err
		})
		if err != nil {
			return removed, fmt.Errorf("prune: %w", err)
		}
		if done {
			return removed, nil
		}
		// A file that outlives its row, for instance after a crash here, goes at the next Open.
		for _, path := range paths {
			os.Remove(path)
		}
		removed += len(paths)
	}
}

// prunable selects received objects without a job to do, their own or their
// outputs'.
const prunable = `SELECT id FROM object AS source WHERE parent_id = 0 AND id > ? AND received < ? AND NOT EXISTS (
	SELECT 1 FROM river_job j JOIN object o ON o.id = json_extract(j.args, '$.object_id')
	WHERE j.state <> 'completed' AND (o.id = source.id OR o.parent_id = source.id))
	ORDER BY id LIMIT ?`

// ids runs a query that returns ids.
func ids(ctx context.Context, tx *sql.Tx, query string, args ...any) (list []int64, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		list = append(list, id)
	}
	return list, rows.Err()
}

// deleteFamilies deletes the rows of objects and of their outputs and returns
// the files they had.
func (a *Archive) deleteFamilies(ctx context.Context, tx *sql.Tx, sources []int64) (paths []string, err error) {
	for _, source := range sources {
		members, err := ids(ctx, tx, "SELECT id FROM object WHERE id = ? OR parent_id = ?", source, source)
		if err != nil {
			return nil, err
		}
		for _, id := range members {
			if _, err := tx.ExecContext(ctx, "DELETE FROM delivery WHERE object_id = ?", id); err != nil {
				return nil, err
			}
			o, err := a.scanObject(tx.QueryRowContext(ctx, "DELETE FROM object WHERE id = ? RETURNING "+columns, id))
			if err != nil {
				return nil, err
			}
			paths = append(paths, o.path)
		}
	}
	return paths, nil
}
