// Package note writes and reads what an archive notes of an object in the file meta
// information of its file (PS3.10 7.1), beside the usual elements.
package note

import (
	"bytes"
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

// creator identifies our private information in files (PS3.10 7.1,
// (0002,0100)); the UID is UUID-derived (PS3.5 B.2).
const creator = "2.25.70555743227352130109191487546232996182"

// Note is what the row of an object knows and its data set does not. It stands
// in the file meta information, so that the index can be made again from files.
// It holds no patient data. Sum and version are known last and written over what
// stands in their place, so they come first and have a fixed length.
type Note struct {
	SHA256       string   `json:"sha256"`   // of the data set, hexadecimal
	Version      string   `json:"version"`  // of the row, ten digits
	Received     int64    `json:"received"` // nanoseconds since 1970
	CallingAE    string   `json:"calling_ae,omitempty"`
	CalledAE     string   `json:"called_ae,omitempty"`
	Source       string   `json:"source,omitempty"`
	Route        string   `json:"route,omitempty"`
	Purpose      string   `json:"purpose"`
	Parent       string   `json:"parent,omitempty"` // SOP Instance UID of what a result was made from
	ParentOf     int      `json:"parent_version,omitempty"`
	Destinations []string `json:"destinations,omitempty"`
	Held         string   `json:"held,omitempty"` // why a result waited for a person when it was made
}

var unknownSum = strings.Repeat("0", 64)

// VersionAfter is how many bytes after the sum begins the version does.
var VersionAfter = int64(len(unknownSum + `","version":"`))

// Digits is a version as a note has it.
func Digits(v int) []byte { return fmt.Appendf(nil, "%010d", v) }

// Of is the note of an object that is about to be written.
func Of(o index.Object) Note {
	return Note{SHA256: unknownSum, Version: string(Digits(o.Version)), Received: o.Received.UnixNano(), CallingAE: o.CallingAE,
		CalledAE: o.CalledAE, Source: o.Source, Route: o.Route, Purpose: o.Purpose}
}

// Program is who writes a file (PS3.10 7.1, (0002,0012) and (0002,0013)).
type Program struct{ ImplementationClassUID, ImplementationVersionName string }

// WriteMeta writes preamble and file meta information of o, with its note, and
// returns where the sum of the data set belongs.
func (n Note) WriteMeta(w io.Writer, o index.Object, by Program) (sumAt int64, err error) {
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
	sumAt = int64(bytes.LastIndex(b.Bytes(), []byte(unknownSum)))
	_, err = w.Write(b.Bytes())
	return sumAt, err
}

// knownAE is an AE title if it is one (PS3.5 6.2 AE), else "": the file meta
// information can do without, and an odd title is no reason to refuse an image.
func knownAE(title string) string {
	title = strings.Trim(title, " ")
	odd := func(r rune) bool { return r < ' ' || r > '~' || r == '\\' }
	if len(title) > 16 || strings.ContainsFunc(title, odd) {
		return ""
	}
	return title
}

// ErrNone says that a file was written by a release without notes, or by
// somebody else. ErrUnreadable says that its note is damaged.
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
	if err != nil || n.version() < 1 || n.Received <= 0 || len(n.SHA256) != len(unknownSum) {
		return n, ErrUnreadable
	}
	return n, nil
}

// version is 0 when it is no number.
func (n Note) version() int {
	v, _ := strconv.Atoi(n.Version)
	return v
}

// Describe gives a row what a note knows.
func (n Note) Describe(o *index.Object) {
	o.Version, o.Received = n.version(), time.Unix(0, n.Received)
	o.CallingAE, o.CalledAE, o.Source, o.Route, o.Purpose = n.CallingAE, n.CalledAE, n.Source, n.Route, n.Purpose
	o.SHA256 = n.SHA256
}
