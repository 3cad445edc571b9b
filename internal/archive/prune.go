package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// pruneBatch is how many received objects one transaction removes at most.
const pruneBatch = 32

// Prune removes objects received before a time, oldest first, each with the
// outputs made of it, unless one of them has a job that is not done: what waits
// and what is quarantined stays. An object that is sent again later is a new
// one. It returns how many objects it removed.
func (a *Archive) Prune(ctx context.Context, before time.Time) (removed int, err error) {
	return a.prune(ctx, before, func() (bool, error) { return false, nil })
}

// MakeRoom removes objects as Prune does, however young they are, until the
// file system has free bytes for more, or until nothing can be removed. It
// returns how many objects it removed and how many bytes are free then.
func (a *Archive) MakeRoom(ctx context.Context, free int64) (removed int, have int64, err error) {
	removed, err = a.prune(ctx, time.Now(), func() (enough bool, err error) {
		have, err = a.free(a.opt.Dir)
		return have >= free, err
	})
	return removed, have, err
}

// prune removes batches until enough or nothing is left to remove.
func (a *Archive) prune(ctx context.Context, before time.Time, enough func() (bool, error)) (removed int, err error) {
	if a.lock == nil {
		return 0, errors.New("prune a shared archive")
	}
	for {
		if stop, err := enough(); stop || err != nil {
			return removed, err
		}
		n, err := a.pruneBatch(ctx, before)
		removed += n
		if err != nil {
			return removed, fmt.Errorf("prune: %w", err)
		}
		if n == 0 {
			return removed, nil
		}
	}
}

// pruneBatch removes some objects, rows first: a file that outlives its row,
// for instance after a crash here, goes at the next Open.
func (a *Archive) pruneBatch(ctx context.Context, before time.Time) (removed int, err error) {
	var paths []string
	err = inTx(ctx, a.write, func(tx *sql.Tx) error {
		sources, err := ids(ctx, tx, prunable, before.UnixNano(), pruneBatch)
		if err == nil {
			paths, err = a.deleteFamilies(ctx, tx, sources)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	for i, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return i, err // or MakeRoom would go on for room that does not come
		}
	}
	return len(paths), nil
}

// prunable selects received objects without a job to do, their own or their
// outputs'. The jobs are looked up once, not once for each object.
const prunable = `SELECT id FROM object WHERE parent_id = 0 AND received < ? AND id NOT IN (
	SELECT CASE o.parent_id WHEN 0 THEN o.id ELSE o.parent_id END
	FROM river_job j JOIN object o ON o.id = json_extract(j.args, '$.object_id')
	WHERE j.state IN ` + undone + `)
	ORDER BY received, id LIMIT ?`

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
		members, err := ids(ctx, tx, "SELECT id FROM object WHERE id = ? UNION ALL SELECT id FROM object WHERE parent_id = ?1 AND parent_id <> 0", source)
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
