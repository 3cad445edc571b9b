package dimse

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/grailbio/go-dicom"
	"github.com/grailbio/go-dicom/dicomio"
	"github.com/grailbio/go-dicom/dicomlog"
	"github.com/grailbio/go-dicom/dicomtag"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// MaxCommandLength bounds a command set, in bytes. The longest one the standard
// allows for the C services is below 1 kB.
const MaxCommandLength = 16 << 10

// The library fills its dictionaries at their first use, unguarded: that has to
// be before there are goroutines. Its log is off, as it quotes values.
func init() {
	dicomlog.SetLevel(-1)
	_, _ = dicomtag.Find(dicomtag.MessageID)
}

// slot ties an element to its place in Command: exactly one pointer is set.
type slot struct {
	tag  dicomtag.Tag
	bit  Elements
	text func(*Command) *string
	word func(*Command) *uint16
}

// slots is PS3.7 Table E.1-1 as far as Command goes, in order of tags.
var slots = []slot{
	{tag: dicomtag.AffectedSOPClassUID, bit: AffectedSOPClassUID, text: func(c *Command) *string { return &c.AffectedSOPClassUID }},
	{tag: dicomtag.RequestedSOPClassUID, bit: RequestedSOPClassUID, text: func(c *Command) *string { return &c.RequestedSOPClassUID }},
	{tag: dicomtag.CommandField, bit: CommandField, word: func(c *Command) *uint16 { return (*uint16)(&c.Field) }},
	{tag: dicomtag.MessageID, bit: MessageID, word: func(c *Command) *uint16 { return &c.MessageID }},
	{tag: dicomtag.MessageIDBeingRespondedTo, bit: MessageIDBeingRespondedTo, word: func(c *Command) *uint16 { return &c.MessageIDBeingRespondedTo }},
	{tag: dicomtag.MoveDestination, bit: MoveDestination, text: func(c *Command) *string { return &c.MoveDestination }},
	{tag: dicomtag.Priority, bit: Priority, word: func(c *Command) *uint16 { return &c.Priority }},
	{tag: dicomtag.CommandDataSetType, bit: CommandDataSetType, word: func(c *Command) *uint16 { return &c.DataSetType }},
	{tag: dicomtag.Status, bit: StatusElement, word: func(c *Command) *uint16 { return &c.Status }},
	{tag: dicomtag.ErrorComment, bit: ErrorComment, text: func(c *Command) *string { return &c.ErrorComment }},
	{tag: dicomtag.AffectedSOPInstanceUID, bit: AffectedSOPInstanceUID, text: func(c *Command) *string { return &c.AffectedSOPInstanceUID }},
	{tag: dicomtag.RequestedSOPInstanceUID, bit: RequestedSOPInstanceUID, text: func(c *Command) *string { return &c.RequestedSOPInstanceUID }},
	{tag: dicomtag.EventTypeID, bit: EventTypeID, word: func(c *Command) *uint16 { return &c.EventTypeID }},
	{tag: dicomtag.ActionTypeID, bit: ActionTypeID, word: func(c *Command) *uint16 { return &c.ActionTypeID }},
	{tag: dicomtag.NumberOfRemainingSuboperations, bit: RemainingSuboperations, word: func(c *Command) *uint16 { return &c.Remaining }},
	{tag: dicomtag.NumberOfCompletedSuboperations, bit: CompletedSuboperations, word: func(c *Command) *uint16 { return &c.Completed }},
	{tag: dicomtag.NumberOfFailedSuboperations, bit: FailedSuboperations, word: func(c *Command) *uint16 { return &c.Failed }},
	{tag: dicomtag.NumberOfWarningSuboperations, bit: WarningSuboperations, word: func(c *Command) *uint16 { return &c.Warning }},
	{tag: dicomtag.MoveOriginatorApplicationEntityTitle, bit: MoveOriginatorAETitle, text: func(c *Command) *string { return &c.MoveOriginatorAETitle }},
	{tag: dicomtag.MoveOriginatorMessageID, bit: MoveOriginatorMessageID, word: func(c *Command) *uint16 { return &c.MoveOriginatorMessageID }},
}

func slotOf(tag dicomtag.Tag) *slot {
	for i := range slots {
		if slots[i].tag == tag {
			return &slots[i]
		}
	}
	return nil
}

// Encode writes a command set in implicit VR little endian, beginning with its
// group length (PS3.7 6.3.1). Elements are written when Present has them.
func Encode(c *Command) (b []byte, err error) {
	defer recovered(&err)
	e := dicomio.NewBytesEncoder(binary.LittleEndian, dicomio.ImplicitVR)
	for _, s := range slots {
		if !c.Present.Has(s.bit) {
			continue
		}
		dicom.WriteElement(e, s.element(c))
	}
	if e.Error() != nil {
		return nil, fmt.Errorf("encode command set: %w", e.Error())
	}
	elements := e.Bytes()
	whole := dicomio.NewBytesEncoder(binary.LittleEndian, dicomio.ImplicitVR)
	dicom.WriteElement(whole, &dicom.Element{Tag: dicomtag.CommandGroupLength, VR: "UL", Value: []any{uint32(len(elements))}})
	if whole.Error() != nil {
		return nil, fmt.Errorf("encode command set: %w", whole.Error())
	}
	return append(whole.Bytes(), elements...), nil
}

// element leaves the VR to the library's dictionary, which knows group 0000.
func (s slot) element(c *Command) *dicom.Element {
	if s.word != nil {
		return &dicom.Element{Tag: s.tag, Value: []any{*s.word(c)}}
	}
	if *s.text(c) == "" {
		return &dicom.Element{Tag: s.tag}
	}
	return &dicom.Element{Tag: s.tag, Value: []any{*s.text(c)}}
}

// Decode reads a command set. Elements it does not know are skipped, and so is
// the group length: what carried b has told its end. An element of the wrong size,
// out of order, or with several values is an error.
func Decode(b []byte) (c *Command, err error) {
	defer recovered(&err)
	b, err = known(b)
	if err != nil {
		return nil, fmt.Errorf("decode command set: %w", err)
	}
	d := dicomio.NewBytesDecoder(b, binary.LittleEndian, dicomio.ImplicitVR)
	d.PushLimit(int64(len(b)))
	defer d.PopLimit()
	c = &Command{}
	for !d.EOF() {
		e := dicom.ReadElement(d, dicom.ReadOptions{})
		if d.Error() != nil {
			return nil, fmt.Errorf("decode command set: %w", d.Error())
		}
		if err := c.set(e); err != nil {
			return nil, fmt.Errorf("decode command set: %s: %w", e.Tag, err)
		}
	}
	return c, nil
}

func (c *Command) set(e *dicom.Element) (err error) {
	s := slotOf(e.Tag)
	switch {
	case s == nil:
		return nil
	case s.bit&(Priority|MoveOriginatorMessageID|EventTypeID|ActionTypeID) != 0 && len(e.Value) == 0:
		return nil // as good as absent
	case s.word != nil:
		*s.word(c), err = e.GetUInt16()
	case len(e.Value) == 0:
		*s.text(c) = ""
	case s.bit == ErrorComment: // one value, though peers quote paths in it
		*s.text(c), err = joined(e)
	default:
		*s.text(c), err = e.GetString()
	}
	if err != nil {
		return errors.New("want one value") // the library's message quotes the value
	}
	c.Present |= s.bit
	return nil
}

func joined(e *dicom.Element) (string, error) {
	values, err := e.GetStrings()
	return strings.Join(values, `\`), err
}

// known walks tags and lengths before the library sees the bytes: it would
// allocate what a length announces. All elements are of group 0000, in ascending
// order, of even length, and fill b exactly (PS3.7 6.3.1). Only those of slots are
// returned: retired ones and those of other services may hold what they like.
func known(b []byte) (kept []byte, err error) {
	if len(b) > MaxCommandLength {
		return nil, fmt.Errorf("%d bytes: at most %d are allowed", len(b), MaxCommandLength)
	}
	last := part10.Tag(0)
	for e, err := range part10.Elements(b, uid.ImplicitVRLittleEndian) {
		at, n := e.Offset, len(e.Value)
		switch {
		case err != nil:
			return nil, err
		case e.Tag > 0xFFFF || e.Tag <= last && at > 0:
			return nil, fmt.Errorf("%v at byte %d: want group 0000 in ascending order", e.Tag, at)
		case n%2 != 0:
			return nil, fmt.Errorf("%v at byte %d: want an even length, have %d", e.Tag, at, n)
		case slotOf(dicomtag.Tag{Element: uint16(e.Tag)}) != nil:
			kept = append(kept, b[at:at+8+n]...)
		}
		last = e.Tag
	}
	return kept, nil
}

// recovered turns a failed assertion of the library into an error.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = errors.New("command set: the element codec gave up")
	}
}
