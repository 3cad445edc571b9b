package archive

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"time"
)

// columns of an object row, in the order scanObject reads them.
const columns = `id, parent_id, sop_class_uid, sop_instance_uid, transfer_syntax_uid,
	study_instance_uid, series_instance_uid, modality, body_part, calling_ae, called_ae,
	source, route, purpose, path, size, dataset_offset, received`

const insertObject = `INSERT INTO object (parent_id, sop_class_uid, sop_instance_uid, transfer_syntax_uid,
	study_instance_uid, series_instance_uid, modality, body_part, calling_ae, called_ae,
	source, route, purpose, path, size, dataset_offset, received)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (sop_instance_uid) DO NOTHING RETURNING id`

// querier is a *sql.DB or a *sql.Tx.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// add inserts the row of o and returns its id, 0 when the SOP instance is
// already there.
func (a *Archive) add(ctx context.Context, q querier, o Object) (id int64, err error) {
	path, err := filepath.Rel(a.opt.Dir, o.path)
	if err != nil {
		return 0, err
	}
	err = q.QueryRowContext(ctx, insertObject, o.ParentID, o.SOPClassUID, o.SOPInstanceUID, o.TransferSyntaxUID,
		o.StudyInstanceUID, o.SeriesInstanceUID, o.Modality, o.BodyPartExamined, o.CallingAE, o.CalledAE,
		o.Source, o.Route, string(o.Purpose), path, o.Size, o.DatasetOffset, o.Received.UnixNano()).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

func (a *Archive) scanObject(row interface{ Scan(...any) error }) (o Object, err error) {
	var path string
	var received int64
	err = row.Scan(&o.ID, &o.ParentID, &o.SOPClassUID, &o.SOPInstanceUID, &o.TransferSyntaxUID,
		&o.StudyInstanceUID, &o.SeriesInstanceUID, &o.Modality, &o.BodyPartExamined, &o.CallingAE, &o.CalledAE,
		&o.Source, &o.Route, &o.Purpose, &path, &o.Size, &o.DatasetOffset, &received)
	if errors.Is(err, sql.ErrNoRows) {
		return Object{}, ErrNotFound
	}
	o.path, o.Received = filepath.Join(a.opt.Dir, path), time.Unix(0, received)
	return o, err
}

// Object returns the object with our id, or ErrNotFound.
func (a *Archive) Object(ctx context.Context, id int64) (Object, error) {
	return a.scanObject(a.read.QueryRowContext(ctx, "SELECT "+columns+" FROM object WHERE id = ?", id))
}

// Find returns the object with the SOP Instance UID, or ErrNotFound.
func (a *Archive) Find(ctx context.Context, sopInstanceUID string) (Object, error) {
	return a.find(ctx, a.read, sopInstanceUID)
}

func (a *Archive) find(ctx context.Context, q querier, sopInstanceUID string) (Object, error) {
	return a.scanObject(q.QueryRowContext(ctx, "SELECT "+columns+" FROM object WHERE sop_instance_uid = ?", sopInstanceUID))
}

// Objects calls visit with every object, oldest first, until it returns an
// error, which Objects returns. Objects received meanwhile may be left out.
func (a *Archive) Objects(ctx context.Context, visit func(Object) error) error {
	for last := int64(0); ; {
		page, err := a.page(ctx, last)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, o := range page {
			if err := visit(o); err != nil {
				return err
			}
		}
		last = page[len(page)-1].ID
	}
}

// page returns some objects after an id: short reads, since a long one would
// keep SQLite from emptying its log.
func (a *Archive) page(ctx context.Context, after int64) (page []Object, err error) {
	rows, err := a.read.QueryContext(ctx, "SELECT "+columns+" FROM object WHERE id > ? ORDER BY id LIMIT 256", after)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		o, err := a.scanObject(rows)
		if err != nil {
			return nil, err
		}
		page = append(page, o)
	}
	return page, rows.Err()
}

// filesIn returns a function that lists the file names the index has in a
// folder, a path relative to Options.Dir.
func (a *Archive) filesIn(ctx context.Context) func(folder string) (map[string]bool, error) {
	return func(folder string) (map[string]bool, error) {
		rows, err := a.read.QueryContext(ctx, "SELECT path FROM object WHERE path >= ? AND path < ?",
			folder+string(filepath.Separator), folder+string(filepath.Separator+1))
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		names := map[string]bool{}
		for rows.Next() {
			var path string
			if err := rows.Scan(&path); err != nil {
				return nil, err
			}
			names[filepath.Base(path)] = true
		}
		return names, rows.Err()
	}
}
