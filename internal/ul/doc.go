// Package ul implements the DICOM upper layer protocol for TCP/IP (PS3.8): the protocol data
// units of section 9.3, the state machine of section 9.2 (Tables 9-6 to 9-10) and [Conn], an
// association in either role.
//
// A Conn is synchronous: each call performs one service primitive and reads or writes its PDUs.
// Lengths from the network are checked before memory is allocated, and P-DATA is streamed. The
// package ignores the extended negotiation and user identity sub-items (PS3.7 D.3.3.5 to
// D.3.3.7), so the defaults of the standard apply.
package ul

import (
	"errors"
	"fmt"
	"strings"
)

// ErrAborted says that the association ended by A-ABORT.
var ErrAborted = errors.New("association aborted")

// ErrReleased says that the peer has released the association.
var ErrReleased = errors.New("association released by the peer")

// ErrNoRequest says that a connection was closed before any byte was sent, as load balancers
// and monitors do.
var ErrNoRequest = errors.New("closed before anything was sent")

// AbortError is a received A-ABORT (PS3.8 9.3.8). It wraps [ErrAborted].
type AbortError struct{ Source, Reason byte }

// Error returns source and reason in words.
func (e *AbortError) Error() string {
	who := "by the peer"
	if e.Source == SourceProvider {
		who = "by the peer's protocol layer, " + abortReasons[e.Reason]
	}
	return fmt.Sprintf("%v %s", ErrAborted, strings.TrimSuffix(who, ", "))
}

// Unwrap returns [ErrAborted].
func (e *AbortError) Unwrap() error { return ErrAborted }

// ProtocolError is a violation of the protocol by the peer. Reason is sent in the A-ABORT
// (PS3.8 Table 9-26).
type ProtocolError struct {
	Reason byte
	What   string
}

// Error describes the violation.
func (e *ProtocolError) Error() string { return "protocol error: " + e.What }

// Abort sources and reasons (PS3.8 Table 9-26).
const (
	SourceUser     byte = 0
	SourceProvider byte = 2

	ReasonNotSpecified     byte = 0
	ReasonUnrecognizedPDU  byte = 1
	ReasonUnexpectedPDU    byte = 2
	ReasonUnrecognizedItem byte = 4
	ReasonUnexpectedItem   byte = 5
	ReasonInvalidValue     byte = 6
)

var abortReasons = map[byte]string{
	ReasonUnrecognizedPDU:  "unrecognized PDU",
	ReasonUnexpectedPDU:    "unexpected PDU",
	ReasonUnrecognizedItem: "unrecognized PDU parameter",
	ReasonUnexpectedItem:   "unexpected PDU parameter",
	ReasonInvalidValue:     "invalid PDU parameter value",
}

func invalid(format string, args ...any) error {
	return &ProtocolError{ReasonInvalidValue, fmt.Sprintf(format, args...)}
}

func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7E }) < 0
}
