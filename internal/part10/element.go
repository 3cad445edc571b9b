package part10

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/uid"
)

// Tag is a data element tag: group in the upper 16 bits, element in the lower.
type Tag uint32

// The tags this package knows by name.
const (
	tagItem                 Tag = 0xFFFEE000
	tagItemDelimitation     Tag = 0xFFFEE00D
	tagSequenceDelimitation Tag = 0xFFFEE0DD
	tagPixelData            Tag = 0x7FE00010
	tagTransferSyntaxUID    Tag = 0x00020010
	tagSpecificCharacterSet Tag = 0x00080005
)

func (t Tag) group() uint16 { return uint16(t >> 16) }

// String returns the tag and, for a standard attribute, its keyword: "(0028,0010) Rows".
func (t Tag) String() string {
	s := fmt.Sprintf("(%04X,%04X)", t.group(), uint16(t))
	if info, err := tag.Find(tag.Tag{Group: t.group(), Element: uint16(t)}); err == nil {
		s += " " + info.Keyword
	}
	return s
}

// SyntaxError is an error at a place in a data set.
type SyntaxError struct {
	Tag     Tag   // the element; 0 if unknown
	Offset  int64 // of the element, in bytes from the start of the stream
	Problem string
}

func (e *SyntaxError) Error() string {
	if e.Tag == 0 {
		return fmt.Sprintf("dicom: byte %d: %s", e.Offset, e.Problem)
	}
	return fmt.Sprintf("dicom: %v at byte %d: %s", e.Tag, e.Offset, e.Problem)
}

// undefined is the undefined value length (PS3.5 7.1.1).
const undefined = 0xFFFFFFFF

// encoding is the encoding of data elements (PS3.5 Annex A.1 to A.3).
type encoding struct{ explicit, big bool }

func encodingOf(transferSyntaxUID string) encoding {
	switch transferSyntaxUID {
	case uid.ImplicitVRLittleEndian:
		return encoding{}
	case uid.ExplicitVRBigEndian:
		return encoding{explicit: true, big: true}
	}
	return encoding{explicit: true}
}

// transferSyntax returns the transfer syntax of the encoding.
func (e encoding) transferSyntax() string {
	switch {
	case e.big:
		return uid.ExplicitVRBigEndian
	case e.explicit:
		return uid.ExplicitVRLittleEndian
	}
	return uid.ImplicitVRLittleEndian
}

func (e encoding) uint16(b []byte) uint16 {
	if e.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (e encoding) uint32(b []byte) uint32 {
	if e.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (e encoding) tag(b []byte) Tag {
	return Tag(e.uint16(b))<<16 | Tag(e.uint16(b[2:]))
}

// element is the header of a data element.
type element struct {
	tag    Tag
	vr     string // "" in implicit VR; two bytes if it is not a VR of PS3.5
	length uint32
	offset int64 // of its first byte

	otherVR, noVR bool // the written VR is not one of PS3.5; and is not capital letters either
	repeated      bool // its tag has occurred before
}

func (el element) fail(format string, args ...any) error {
	return &SyntaxError{el.tag, el.offset, fmt.Sprintf(format, args...)}
}

// next reads the header of an element that must end at or before end. It returns io.EOF only if
// the stream ends directly before the element.
func (w *window) next(enc encoding, end int64) (element, error) {
	el := element{offset: w.offset()}
	b, err := w.peek(8)
	if err != nil {
		return el, el.ended(err)
	}
	el.tag = enc.tag(b)
	if !enc.explicit || el.tag.group() == 0xFFFE { // PS3.5 7.5: items have no VR
		el.length = enc.uint32(b[4:])
		return el, w.skip(8)
	}
	// PS3.5 7.1.2: bytes 4-5 VR, then 6-7 length, or 6-7 reserved and 8-11 length.
	el.vr = vrString([2]byte(b[4:6]))
	rep, known := representations[el.vr]
	head := int64(8)
	switch {
	case !known:
		if head, err = w.unknownVRLength(enc, &el, end); err != nil {
			return el, err
		}
	case rep.long:
		if b, err = w.peek(12); err != nil {
			return el, el.ended(err)
		}
		head, el.length = 12, enc.uint32(b[8:])
	default:
		el.length = uint32(enc.uint16(b[6:]))
	}
	return el, w.skip(head)
}

// ended turns the end of the stream inside an element into a *SyntaxError.
func (el element) ended(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return el.fail("data set ends inside the element")
	}
	return err
}

func capitals(b []byte) bool {
	return b[0] >= 'A' && b[0] <= 'Z' && b[1] >= 'A' && b[1] <= 'Z'
}
