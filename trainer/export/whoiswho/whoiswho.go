// Package whoiswho writes the re-identification list for the holder of the key, which maps
// pseudonyms to patients. It is always encrypted to named recipients (age-encryption.org).
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

// columns are the columns of the list.
var columns = []string{"id", "patient", "patient_id", "issuer", "name", "study", "old_study", "series", "old_series", "instance", "old_instance"}

// List is an encrypted list being written.
type List struct {
	file      *os.File
	encrypted io.WriteCloser
	rows      *csv.Writer
}

// Create creates a list that only its owner can read, encrypted to recipients ("age1…"). It
// returns an error if the file exists.
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
