// Package whoiswho writes the list that turns pseudonyms back into patients, for the
// holder of the key: encrypted to named recipients (age-encryption.org) and in no
// other form.
package whoiswho

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"dicomnode/trainer/export"
)

// columns are those of the list.
var columns = []string{"id", "patient", "patient_id", "issuer", "name", "study", "old_study", "series", "old_series", "instance", "old_instance"}

// List is an encrypted list in the making.
type List struct {
	file      *os.File
	encrypted io.WriteCloser
	rows      *csv.Writer
}

// Create begins a list that only its owner can read, encrypted to recipients
// ("age1…"). It refuses a name that is taken.
func Create(path string, recipients []string) (*List, error) {
	var to []age.Recipient
	for _, r := range recipients {
		parsed, err := age.ParseX25519Recipient(r)
		if err != nil {
			return nil, fmt.Errorf("list of who is who: recipient: %w", err)
		}
		to = append(to, parsed)
	}
	if len(to) == 0 {
		return nil, errors.New("list of who is who: no recipient")
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("list of who is who: %w", err)
	}
	encrypted, err := age.Encrypt(file, to...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("list of who is who: %w", err), file.Close(), os.Remove(path))
	}
	l := &List{file: file, encrypted: encrypted, rows: csv.NewWriter(encrypted)}
	return l, l.rows.Write(columns)
}

// Add adds an object.
func (l *List) Add(i export.Identity) error {
	return l.rows.Write([]string{i.ID, i.Patient, i.PatientID, i.Issuer, i.Name, i.Study, i.OldStudy, i.Series, i.OldSeries, i.Instance, i.OldInstance})
}

// Close completes the list.
func (l *List) Close() error {
	l.rows.Flush()
	return errors.Join(l.rows.Error(), l.encrypted.Close(), l.file.Sync(), l.file.Close())
}
