package audit

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"dicomnode/internal/charset"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// ReadPatient reads Patient ID (0010,0020) and Patient's Name (0010,0010) from the
// beginning of a data set, as UTF-8; "" is what it lacks.
func ReadPatient(r io.Reader, transferSyntaxUID string) (id, name string) {
	h := readHeads(r, transferSyntaxUID, patientID)
	return h.patient()
}

// ReadIdentity is [ReadPatient], and the Study Instance UID (0020,000D), of a data set
// that may be cut anywhere.
func ReadIdentity(r io.Reader, transferSyntaxUID string) (study, id, name string) {
	h := readHeads(r, transferSyntaxUID, studyUID)
	id, name = h.patient()
	return strings.Trim(string(h.study), " \x00"), id, name
}

// readHeads reads up to the element last.
func readHeads(r io.Reader, transferSyntaxUID string, last uint32) heads {
	if !part10.IsNative(transferSyntaxUID) {
		transferSyntaxUID = uid.ExplicitVRLittleEndian // that of all encapsulated ones (PS3.5 A.4)
	}
	h := heads{last: last}
	_ = part10.Rewrite(&h, r, transferSyntaxUID, uid.ImplicitVRLittleEndian) // ends early; what was read counts
	return h
}

// heads collects values from a data set in Implicit VR Little Endian, in whatever pieces
// it is written.
type heads struct {
	last                 uint32 // element that is read
	buf                  []byte
	skip                 uint64 // bytes of a value that nobody wants and that is not here yet
	depth                int
	set, id, name, study []byte
}

func (h *heads) patient() (id, name string) {
	set := charset.Parse(h.set)
	id, _ = set.Decode(h.id, charset.Values)
	name, _ = set.Decode(h.name, charset.Name)
	return strings.Trim(id, " \x00"), strings.TrimRight(name, " \x00")
}

var errEnough = errors.New("read far enough")

const (
	longest     = 64 << 10 // bytes of a value that is wanted
	delimited   = 0xFFFFFFFF
	patientName = 0x00100010
	patientID   = 0x00100020
	studyUID    = 0x0020000D
)

func (h *heads) Write(p []byte) (int, error) {
	passed := min(h.skip, uint64(len(p)))
	h.skip -= passed
	h.buf = append(h.buf, p[passed:]...)
	for len(h.buf) >= 8 {
		t := uint32(binary.LittleEndian.Uint16(h.buf))<<16 | uint32(binary.LittleEndian.Uint16(h.buf[2:]))
		n := binary.LittleEndian.Uint32(h.buf[4:])
		switch {
		case t == 0xFFFEE00D || t == 0xFFFEE0DD:
			h.depth--
			n = 0
		case n == delimited || t == 0xFFFEE000:
			h.depth++
			n = 0
		case h.depth == 0 && t > h.last:
			return 0, errEnough
		}
		wanted := h.depth == 0 && h.place(t) != nil
		switch missing := uint64(n) - min(uint64(n), uint64(len(h.buf)-8)); {
		case wanted && n > longest:
			return 0, errEnough
		case wanted && missing > 0:
			return len(p), nil // the rest follows
		case missing > 0:
			h.buf, h.skip = h.buf[:0], missing
			return len(p), nil
		case wanted:
			*h.place(t) = append([]byte(nil), h.buf[8:8+n]...)
		}
		h.buf = h.buf[8+n:]
	}
	return len(p), nil
}

// place is where the value of an element goes, nil for one that nobody wants.
func (h *heads) place(t uint32) *[]byte {
	switch t {
	case 0x00080005:
		return &h.set
	case patientName:
		return &h.name
	case patientID:
		return &h.id
	case studyUID:
		return &h.study
	}
	return nil
}
