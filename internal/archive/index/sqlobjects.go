package index

import (
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
)

// columns are the columns of an object row, in the order of scanObject and values.
const columns = `id, parent_id, sop_class_uid, sop_instance_uid, version, transfer_syntax_uid,
	study_instance_uid, series_instance_uid, accession_number, modality, body_part,
	calling_ae, called_ae, source, route, purpose, path, size, dataset_offset, received,
	sha256, pixel_digest, meaning_digest, identity_digest, outcome, outcome_at, quality, superseded_at, crc32c, row_sum`

func scanObject(r row) (o Object, err error) {
	var received, outcome, superseded, sum int64
	var quality sql.NullFloat64
	err = r.Scan(&o.ID, &o.ParentID, &o.SOPClassUID, &o.SOPInstanceUID, &o.Version, &o.TransferSyntaxUID,
		&o.StudyInstanceUID, &o.SeriesInstanceUID, &o.AccessionNumber, &o.Modality, &o.BodyPartExamined,
		&o.CallingAE, &o.CalledAE, &o.Source, &o.Route, &o.Purpose, &o.Name, &o.Size, &o.DatasetOffset, &received,
		&o.SHA256, &o.Digests.Pixels, &o.Digests.Meaning, &o.Digests.Identity, &o.Outcome, &outcome, &quality, &superseded, &o.CRC32C, &sum)
	if errors.Is(err, sql.ErrNoRows) {
		return Object{}, ErrNotFound
	}
	o.Received, o.OutcomeAt, o.SupersededAt = fromNanos(received), fromNanos(outcome), fromNanos(superseded)
	if quality.Valid {
		o.Quality = &quality.Float64
	}
	if err == nil && sum != 0 && sum != rowSum(values(o)) {
		return o, fmt.Errorf("%w: the row of object %d has changed", ErrDamaged, o.ID)
	}
	return o, err
}

// rowSum returns a checksum of the values of a row, never 0. It detects a changed byte, which
// SQLite's own checks do not. An empty crc32c, the last value, is left out, so that the
// checksums of rows that were written before that column existed remain right.
func rowSum(values []any) int64 {
	values = values[:len(names)-1]
	if last := len(values) - 1; values[last] == "" {
		values = values[:last]
	}
	return int64(crc32.ChecksumIEEE(fmt.Appendf(nil, "%q", values))) + 1
}

// values returns the values of o's columns after the id.
func values(o Object) []any {
	var quality any
	if o.Quality != nil {
		quality = *o.Quality
	}
	all := []any{o.ParentID, o.SOPClassUID, o.SOPInstanceUID, o.Version, o.TransferSyntaxUID,
		o.StudyInstanceUID, o.SeriesInstanceUID, o.AccessionNumber, o.Modality, o.BodyPartExamined,
		o.CallingAE, o.CalledAE, o.Source, o.Route, o.Purpose, o.Name, o.Size, o.DatasetOffset, nanos(o.Received),
		o.SHA256, o.Digests.Pixels, o.Digests.Meaning, o.Digests.Identity, o.Outcome, nanos(o.OutcomeAt), quality, nanos(o.SupersededAt), o.CRC32C}
	return append(all, rowSum(all))
}

// insertObject, insertObjectAs and updateObject are built from the list of columns above.
var (
	names        = strings.FieldsFunc(columns, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' })[1:]
	marks        = "?" + strings.Repeat(", ?", len(names)-1)
	insertObject = "INSERT INTO object (" + strings.Join(names, ", ") + ") VALUES (" + marks +
		") ON CONFLICT (sop_instance_uid, version) DO NOTHING RETURNING id"
	insertObjectAs = strings.NewReplacer("object (", "object (id, ", "VALUES (", "VALUES (?, ").Replace(insertObject)
	updateObject   = "UPDATE object SET (" + strings.Join(names, ", ") + ") = (" + marks + ") WHERE id = ?"
)

func (t *sqlTx) Add(o Object) (id int64, err error) {
	t.changed = true
	err = t.tx.QueryRowContext(t.ctx, insertObject, values(o)...).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, ErrExists
	}
	return id, err
}

func (t *sqlTx) AddAs(id int64, o Object) error {
	t.changed = true
	err := t.tx.QueryRowContext(t.ctx, insertObjectAs, append([]any{id}, values(o)...)...).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrExists
	}
	return err
}

func (t *sqlTx) Set(o Object) error {
	old, err := t.Object(o.ID)
	if err != nil {
		return err
	}
	o.SOPInstanceUID, o.Version = old.SOPInstanceUID, old.Version
	_, err = t.exec(updateObject, append(values(o), o.ID)...)
	return err
}

func (t *sqlTx) Object(id int64) (Object, error) {
	return scanObject(t.tx.QueryRowContext(t.ctx, "SELECT "+columns+" FROM object WHERE id = ?", id))
}

func (t *sqlTx) Newest(sopInstanceUID string) (Object, error) {
	return scanObject(t.tx.QueryRowContext(t.ctx, "SELECT "+columns+" FROM object WHERE sop_instance_uid = ? ORDER BY version DESC LIMIT 1", sopInstanceUID))
}

func (t *sqlTx) Versions(sopInstanceUID string) ([]Object, error) {
	return list(t, scanObject, "SELECT "+columns+" FROM object WHERE sop_instance_uid = ? ORDER BY version", sopInstanceUID)
}

func (t *sqlTx) Children(id int64) ([]Object, error) {
	return list(t, scanObject, "SELECT "+columns+" FROM object WHERE parent_id = ? AND parent_id <> 0 ORDER BY id", id)
}

func (t *sqlTx) Search(q Query, limit int) ([]Object, error) {
	where, args := []string{"1"}, []any{}
	for _, f := range []struct{ column, value string }{
		{"study_instance_uid", q.StudyInstanceUID}, {"series_instance_uid", q.SeriesInstanceUID},
		{"sop_instance_uid", q.SOPInstanceUID}, {"accession_number", q.AccessionNumber},
		{"source", q.Source}, {"modality", q.Modality}, {"outcome", q.Outcome},
	} {
		if f.value != "" {
			where, args = append(where, f.column+" = ?"), append(args, f.value)
		}
	}
	for _, f := range []struct {
		condition string
		at        time.Time
	}{{"received >= ?", q.ReceivedFrom}, {"received < ?", q.ReceivedTo}} {
		if !f.at.IsZero() {
			where, args = append(where, f.condition), append(args, nanos(f.at))
		}
	}
	if q.ReceivedOnly {
		where = append(where, "parent_id = 0")
	}
	if q.Newest {
		where = append(where, "version = (SELECT max(v.version) FROM object v WHERE v.sop_instance_uid = object.sop_instance_uid)")
	}
	return list(t, scanObject, "SELECT "+columns+" FROM object WHERE "+strings.Join(where, " AND ")+" ORDER BY id DESC LIMIT ?", append(args, limit)...)
}

func (t *sqlTx) Page(after int64, limit int) ([]Object, error) {
	return list(t, scanObject, "SELECT "+columns+" FROM object WHERE id > ? ORDER BY id LIMIT ?", after, limit)
}

func (t *sqlTx) Unsettled() ([]Object, error) {
	return list(t, scanObject, "SELECT "+columns+" FROM object WHERE parent_id = 0 AND outcome = '' AND superseded_at = 0 ORDER BY id")
}

func (t *sqlTx) Named(names []string) (map[string]bool, error) {
	return set(list(t, one[string], "SELECT path FROM object WHERE path IN (SELECT value FROM json_each(?))", array(names)))
}

// Skip increases the last id that AUTOINCREMENT has stored.
func (t *sqlTx) Skip(n int64) error {
	rows, err := t.exec("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'object'", n)
	if err == nil && rows == 0 {
		_, err = t.exec("INSERT INTO sqlite_sequence (name, seq) VALUES ('object', ?)", n)
	}
	return err
}

func (t *sqlTx) Delete(ids ...int64) error {
	list := array(ids)
	if _, err := t.exec("DELETE FROM delivery WHERE object_id IN (SELECT value FROM json_each(?))", list); err != nil {
		return err
	}
	_, err := t.exec("DELETE FROM object WHERE id IN (SELECT value FROM json_each(?))", list)
	return err
}

// Objects dated in the future, because the clock was ahead, count as expired when an object
// received after them is expired.
func (t *sqlTx) Expired(before time.Time, busy []int64, limit int) ([]int64, error) {
	return list(t, one[int64], `SELECT id FROM object WHERE parent_id = 0
		AND (received < ?1 OR received > ?2 AND id < (SELECT max(id) FROM object WHERE parent_id = 0 AND received < ?1))
		AND id NOT IN (SELECT CASE o.parent_id WHEN 0 THEN o.id ELSE o.parent_id END
			FROM object o WHERE o.id IN (SELECT value FROM json_each(?3)))
		AND NOT EXISTS (SELECT 1 FROM object o WHERE o.sop_instance_uid = object.sop_instance_uid AND o.version < object.version)
		ORDER BY received, id LIMIT ?4`, nanos(before), nanos(time.Now()), array(busy), limit)
}

func (t *sqlTx) Received(ids []int64) (map[int64]time.Time, error) {
	type pair struct{ id, at int64 }
	pairs, err := list(t, func(r row) (p pair, err error) { err = r.Scan(&p.id, &p.at); return p, err },
		"SELECT id, received FROM object WHERE id IN (SELECT value FROM json_each(?))", array(ids))
	m := make(map[int64]time.Time, len(pairs))
	for _, p := range pairs {
		m[p.id] = fromNanos(p.at)
	}
	return m, err
}

func (t *sqlTx) Count() (n int64, err error) {
	return one[int64](t.tx.QueryRowContext(t.ctx, "SELECT count(*) FROM object"))
}
