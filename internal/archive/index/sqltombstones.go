package index

import (
	"encoding/json"
	"time"
)

func (t *sqlTx) AddTombstone(s Tombstone) error {
	results, err := json.Marshal(s.Results)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO tombstone (sop_instance_uid, version, received, path, sha256,
		pixel_digest, meaning_digest, identity_digest, cause, at, results)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO NOTHING`,
		s.SOPInstanceUID, s.Version, s.Received, s.Name, s.SHA256,
		s.Digests.Pixels, s.Digests.Meaning, s.Digests.Identity, s.Cause, nanos(s.At), string(results))
	return err
}

func (t *sqlTx) TombstoneFiles(names []string) (map[string]bool, error) {
	return set(list(t, one[string], "SELECT path FROM tombstone WHERE path IN (SELECT value FROM json_each(?))", array(names)))
}

func (t *sqlTx) TombstonesOf(sopInstanceUID string) ([]Tombstone, error) {
	return list(t, scanTombstone, `SELECT sop_instance_uid, version, received, path, sha256,
		pixel_digest, meaning_digest, identity_digest, cause, at, results
		FROM tombstone WHERE sop_instance_uid = ? ORDER BY id DESC`, sopInstanceUID)
}

func scanTombstone(r row) (s Tombstone, err error) {
	var at int64
	var results []byte
	err = r.Scan(&s.SOPInstanceUID, &s.Version, &s.Received, &s.Name, &s.SHA256,
		&s.Digests.Pixels, &s.Digests.Meaning, &s.Digests.Identity, &s.Cause, &at, &results)
	if err != nil {
		return s, err
	}
	s.At = fromNanos(at)
	return s, json.Unmarshal(results, &s.Results)
}

// Forget keeps the row, because the file may still exist. It removes the SOP Instance UID too.
func (t *sqlTx) Forget(sopInstanceUIDs ...string) error {
	_, err := t.exec(`UPDATE tombstone SET sop_instance_uid = '', sha256 = '', pixel_digest = '', meaning_digest = '',
		identity_digest = '', results = '[]' WHERE sop_instance_uid IN (SELECT value FROM json_each(?))`, array(sopInstanceUIDs))
	return err
}

func (t *sqlTx) DeleteTombstones(before time.Time) (int, error) {
	n, err := t.exec("DELETE FROM tombstone WHERE at < ?", nanos(before))
	return int(n), err
}
