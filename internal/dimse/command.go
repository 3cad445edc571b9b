// Package dimse is the DICOM message service (PS3.7) as far as the node speaks
// it: command sets (sections 6.3, 9.3, Annex E) and their transport as messages
// over an association of internal/ul. It knows no service class.
package dimse

import (
	"errors"
	"fmt"

	"dicomnode/internal/uid"
)

// Field is a Command Field (0000,0100), PS3.7 E.1.
type Field uint16

// Command fields with a meaning of their own here.
const (
	CStoreRQ  Field = 0x0001
	CStoreRSP Field = 0x8001
	CGetRQ    Field = 0x0010
	CFindRQ   Field = 0x0020
	CMoveRQ   Field = 0x0021
	CEchoRQ   Field = 0x0030
	CEchoRSP  Field = 0x8030

	NEventReportRQ  Field = 0x0100
	NEventReportRSP Field = 0x8100
	NActionRQ       Field = 0x0130
	NActionRSP      Field = 0x8130

	CCancelRQ Field = 0x0FFF

	response Field = 0x8000
)

// IsResponse tells a response from a request.
func (f Field) IsResponse() bool { return f&response != 0 }

// Response returns the field of the response to the request f.
func (f Field) Response() Field { return f | response }

// Command Data Set Type (0000,0800): any value but NoDataset means that a data
// set follows (PS3.7 E.1).
const (
	NoDataset  uint16 = 0x0101
	HasDataset uint16 = 0x0001
)

// Command is a command set. A zero value or an empty string stands for an
// element that is absent, unless Present says otherwise.
type Command struct {
	Field                     Field
	AffectedSOPClassUID       string
	RequestedSOPClassUID      string
	MessageID                 uint16
	MessageIDBeingRespondedTo uint16
	Priority                  uint16
	DataSetType               uint16
	Status                    uint16
	ErrorComment              string
	AffectedSOPInstanceUID    string
	RequestedSOPInstanceUID   string
	MoveOriginatorAETitle     string
	MoveOriginatorMessageID   uint16
	MoveDestination           string
	Remaining                 uint16 // sub-operations of C-GET and C-MOVE (PS3.7 9.3.3.2)
	Completed                 uint16
	Failed                    uint16
	Warning                   uint16
	EventTypeID               uint16   // of N-EVENT-REPORT
	ActionTypeID              uint16   // of N-ACTION
	Present                   Elements // which elements are there
}

// Elements is a set of command elements.
type Elements uint32

// Has reports whether all of want are present.
func (e Elements) Has(want Elements) bool { return e&want == want }

// Elements by name.
const (
	AffectedSOPClassUID Elements = 1 << iota
	RequestedSOPClassUID
	CommandField
	MessageID
	MessageIDBeingRespondedTo
	Priority
	CommandDataSetType
	StatusElement
	ErrorComment
	AffectedSOPInstanceUID
	RequestedSOPInstanceUID
	MoveOriginatorAETitle
	MoveOriginatorMessageID
	EventTypeID
	ActionTypeID
	MoveDestination
	RemainingSuboperations
	CompletedSuboperations
	FailedSuboperations
	WarningSuboperations
)

// HasDataset reports whether a data set follows the command.
func (c *Command) HasDataset() bool { return c.DataSetType != NoDataset }

// Check demands what every command must have: a field, a data set type and the
// message ID it is known by (PS3.7 9.3, 10.3).
func (c *Command) Check() error {
	want := CommandField | CommandDataSetType | MessageID
	if c.Field.IsResponse() {
		want = CommandField | CommandDataSetType | MessageIDBeingRespondedTo | StatusElement
	}
	if c.Field == CCancelRQ {
		want = CommandField | CommandDataSetType | MessageIDBeingRespondedTo
	}
	if !c.Present.Has(want) {
		return errors.New("command set lacks its field, data set type, message ID or status")
	}
	return nil
}

// CheckUIDs reports whether the UIDs that are there are UIDs (PS3.5 9.1).
func (c *Command) CheckUIDs() error {
	for _, s := range []string{c.AffectedSOPClassUID, c.RequestedSOPClassUID, c.AffectedSOPInstanceUID, c.RequestedSOPInstanceUID} {
		if s == "" {
			continue
		}
		if err := uid.Check(s); err != nil {
			return fmt.Errorf("check command set: %w", err)
		}
	}
	return nil
}
