// Package note reads and writes the note that an archive adds to the file meta information of
// an object's file (PS3.10 7.1).
package note

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/part10"
)

// creator is the Private Information Creator UID of the notes (PS3.10 7.1, (0002,0100)),
// derived from a UUID (PS3.5 B.2).
const creator = "2.25.70555743227352130109191487546232996182"

// Note contains the values of an object's row that its data set does not have. It is stored in
// the file meta information, so that the index can be rebuilt from files. It contains no
// patient data. CRC32C, Version and SHA256 are known only at the end and overwrite placeholders,
// so they come first and have a fixed length. Notes of earlier releases have no CRC32C.
type Note struct {
	CRC32C       string   `json:"crc32c"`           // of the data set, eight hexadecimal digits
	Version      string   `json:"version"`          // of the row, ten digits
	SHA256       string   `json:"sha256,omitempty"` // of the data set, hexadecimal; "" if it is not known when the file is written
	Received     int64    `json:"received"`         // nanoseconds since 1970
	CallingAE    string   `json:"calling_ae,omitempty"`
	CalledAE     string   `json:"called_ae,omitempty"`
	Source       string   `json:"source,omitempty"`
	Route        string   `json:"route,omitempty"`
	Purpose      string   `json:"purpose"`
	Parent       string   `json:"parent,omitempty"` // SOP Instance UID of the source of a result
	ParentOf     int      `json:"parent_version,omitempty"`
	Destinations []string `json:"destinations,omitempty"`
	Held         string   `json:"held,omitempty"` // why a result was held for a person when it was made
}

// unknownCRC and UnknownSHA256 are the placeholders of checksums.
var (
	unknownCRC    = strings.Repeat("0", 8)
	UnknownSHA256 = strings.Repeat("0", 64)
)

// Of returns the note of an object that is about to be written. It has no SHA-256 if o has
// none; a caller that will know it before Seal sets UnknownSHA256.
func Of(o index.Object) Note {
	return Note{CRC32C: cmp.Or(o.CRC32C, unknownCRC), Version: digits(o.Version), SHA256: o.SHA256, Received: o.Received.UnixNano(),
		CallingAE: o.CallingAE, CalledAE: o.CalledAE, Source: o.Source, Route: o.Route, Purpose: o.Purpose}
}

// digits formats a version as in a note.
func digits(v int) string { return fmt.Sprintf("%010d", v) }

// sealAfter is the offset in bytes of the CRC-32C from the start of a note.
const sealAfter = len(`{"crc32c":"`)

// Seal returns the bytes that overwrite the start of the note, at the offset that WriteMeta
// has returned: the checksums and the version of o.
func (n Note) Seal(o index.Object) []byte {
	b := o.CRC32C + `","version":"` + digits(o.Version)
	if n.SHA256 != "" {
		b += `","sha256":"` + o.SHA256
	}
	return []byte(b)
}

// Program identifies the program that writes a file (PS3.10 7.1, (0002,0012) and (0002,0013)).
type Program struct{ ImplementationClassUID, ImplementationVersionName string }

// WriteMeta writes preamble and file meta information of o, with its note. It returns the
// offset at which Seal overwrites it.
func (n Note) WriteMeta(w io.Writer, o index.Object, by Program) (sealAt int64, err error) {
	private, err := json.Marshal(n)
	if err != nil {
		return 0, err
	}
	var b bytes.Buffer
	err = part10.WriteMeta(&b, part10.Meta{
		SOPClassUID: o.SOPClassUID, SOPInstanceUID: o.SOPInstanceUID, TransferSyntaxUID: o.TransferSyntaxUID,
		ImplementationClassUID:    by.ImplementationClassUID,
		ImplementationVersionName: by.ImplementationVersionName,
		SourceAE:                  knownAE(o.CallingAE), ReceivingAE: knownAE(o.CalledAE),
		PrivateCreatorUID: creator, Private: private,
	})
	if err != nil {
		return 0, err
	}
	sealAt = int64(bytes.LastIndex(b.Bytes(), private) + sealAfter)
	_, err = w.Write(b.Bytes())
	return sealAt, err
}

// knownAE returns a valid AE title (PS3.5 6.2 AE) unchanged and "" for an invalid one. The file
// meta information does not require it, and an invalid title is no reason to refuse an image.
func knownAE(title string) string {
	title = strings.Trim(title, " ")
	odd := func(r rune) bool { return r < ' ' || r > '~' || r == '\\' }
	if len(title) > 16 || strings.ContainsFunc(title, odd) {
		return ""
	}
	return title
}

// ErrNone says that a file was written by a release without notes or by another program.
// ErrUnreadable says that its note is damaged.
var (
	ErrNone       = errors.New("the file has no note of this archive")
	ErrUnreadable = errors.New("its note cannot be read")
)

// Read reads the note of a Part 10 file.
func Read(r io.Reader) (n Note, err error) {
	private, err := part10.ReadPrivate(r, creator)
	if err != nil {
		return n, err
	}
	if private == nil {
		return n, ErrNone
	}
	err = json.Unmarshal(bytes.TrimRight(private, "\x00"), &n)
	if err != nil || n.version() < 1 || n.Received <= 0 || !n.summed() {
		return n, ErrUnreadable
	}
	return n, nil
}

// summed reports whether the note has a checksum, and none of another length.
func (n Note) summed() bool {
	crc, sha := len(n.CRC32C), len(n.SHA256)
	return crc+sha > 0 && (crc == 0 || crc == len(unknownCRC)) && (sha == 0 || sha == len(UnknownSHA256))
}

// Fits reports whether the checksums of the note are those of o, which has both.
func (n Note) Fits(o index.Object) bool {
	return (n.CRC32C == "" || n.CRC32C == o.CRC32C) && (n.SHA256 == "" || n.SHA256 == o.SHA256)
}

// version returns the version as a number, 0 if it is invalid.
func (n Note) version() int {
	v, _ := strconv.Atoi(n.Version)
	return v
}

// Describe copies the values of a note to a row, except the checksums.
func (n Note) Describe(o *index.Object) {
	o.Version, o.Received = n.version(), time.Unix(0, n.Received)
	o.CallingAE, o.CalledAE, o.Source, o.Route, o.Purpose = n.CallingAE, n.CalledAE, n.Source, n.Route, n.Purpose
}
