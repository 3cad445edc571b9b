package note_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/note"
)

func object() index.Object {
	return index.Object{SOPClassUID: "1.2.840.10008.5.1.4.1.1.1.1", SOPInstanceUID: "1.2.3", TransferSyntaxUID: "1.2.840.10008.1.2.1",
		Version: 1, Received: time.Unix(1700000000, 0), CallingAE: "DXROOM1", Purpose: "segment"}
}

// A note is sealed in place: file meta information keeps its length, and the note is read back
// with the checksums and the version.
func TestSeal(t *testing.T) {
	sha := strings.Repeat("ab", 32)
	for name, c := range map[string]struct {
		placeholder, sha string
	}{
		"received": {"", ""}, "result": {note.UnknownSHA256, sha},
	} {
		n := note.Of(object())
		n.SHA256 = c.placeholder
		file := written(t, n)
		o := object()
		o.Version, o.CRC32C, o.SHA256 = 12, "0a1b2c3d", c.sha
		copy(file.b[file.sealAt:], n.Seal(o))
		got, err := note.Read(bytes.NewReader(file.b))
		if err != nil || got.CRC32C != o.CRC32C || got.SHA256 != c.sha || got.Version != "0000000012" || got.CallingAE != "DXROOM1" || !got.Fits(o) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		o.CRC32C = "0a1b2c3e"
		if got.Fits(o) {
			t.Errorf("%s: it fits another CRC-32C", name)
		}
	}
}

type file struct {
	b      []byte
	sealAt int64
}

// written returns the file meta information with a note.
func written(t *testing.T, n note.Note) file {
	t.Helper()
	var b bytes.Buffer
	sealAt, err := n.WriteMeta(&b, object(), note.Program{})
	if err != nil {
		t.Fatal(err)
	}
	return file{b.Bytes(), sealAt}
}

// Notes of earlier releases have a SHA-256 and no CRC-32C. A note without any checksum, or with
// one of another length, is damaged.
func TestReadSums(t *testing.T) {
	sha := strings.Repeat("ab", 32)
	for _, c := range []struct {
		crc, sha string
		want     error
	}{
		{"0a1b2c3d", sha, nil}, {"0a1b2c3d", "", nil}, {"", sha, nil},
		{"", "", note.ErrUnreadable}, {"0a1b2c3", "", note.ErrUnreadable}, {"0a1b2c3d", sha[1:], note.ErrUnreadable}, {"0", sha, note.ErrUnreadable},
	} {
		n := note.Of(object())
		n.CRC32C, n.SHA256 = c.crc, c.sha
		if got, err := note.Read(bytes.NewReader(written(t, n).b)); !errors.Is(err, c.want) {
			t.Errorf("%q, %q: %+v, %v; want %v", c.crc, c.sha, got, err, c.want)
		}
	}
}
