// Package ul is the DICOM upper layer protocol for TCP/IP (PS3.8): the protocol
// data units of section 9.3, the state machine of section 9.2 (Tables 9-6 to
// 9-10) and [Conn], an association in either role.
//
// A Conn is synchronous: each call performs one service primitive and reads or
// writes the PDUs that belong to it. Lengths from the network are checked before
// anything is allocated, and P-DATA is streamed. It does not interpret the
// extended negotiation sub-items (PS3.7 D.3.3.4 to D.3.3.7): it ignores them, so
// the defaults of the standard apply.
package ul

import (
	"errors"
	"fmt"
	"strings"
)

// ErrAborted tells that the association ended by A-ABORT.
var ErrAborted = errors.New("association aborted")

// ErrReleased tells that the peer asked to release the association and was
// answered.
var ErrReleased = errors.New("association released by the peer")

// AbortError is an A-ABORT received (PS3.8 9.3.8). It wraps [ErrAborted].
type AbortError struct{ Source, Reason byte }

// Error says who aborted, in words.
func (e *AbortError) Error() string {
	who := "by the peer"
	if e.Source == SourceProvider {
		who = "by the peer's protocol layer, " + abortReasons[e.Reason]
	}
	return fmt.Sprintf("%v %s", ErrAborted, strings.TrimSuffix(who, ", "))
}

// Unwrap returns [ErrAborted].
func (e *AbortError) Unwrap() error { return ErrAborted }

// ProtocolError is a violation of the protocol by the peer. Reason is the one
// sent in the A-ABORT (PS3.8 Table 9-26).
type ProtocolError struct {
	Reason byte
	What   string
}

// Error says what was wrong.
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

var rejectResults = map[byte]string{1: "rejected permanently", 2: "rejected for now"}

var rejectSources = map[byte]string{
	1: "by the service user",
	2: "by the service provider (ACSE)",
	3: "by the service provider (presentation)",
}

var rejectReasons = map[[2]byte]string{
	{1, 1}: "no reason given",
	{1, 2}: "application context name not supported",
	{1, 3}: "calling AE title not recognised",
	{1, 7}: "called AE title not recognised",
	{2, 1}: "no reason given",
	{2, 2}: "protocol version not supported",
	{3, 1}: "temporary congestion",
	{3, 2}: "local limit exceeded",
}

// Known tells whether result, source and reason stand in PS3.8 Table 9-21.
func (p *Reject) Known() bool {
	_, result := rejectResults[p.Result]
	_, reason := rejectReasons[[2]byte{p.Source, p.Reason}]
	return result && reason
}

// RejectWords says an A-ASSOCIATE-RJ in words (PS3.8 Table 9-21).
func RejectWords(result, source, reason byte) string {
	word := func(s string, ok bool, code byte) string {
		if ok {
			return s
		}
		return fmt.Sprintf("(code %d)", code)
	}
	a, okA := rejectResults[result]
	b, okB := rejectSources[source]
	c, okC := rejectReasons[[2]byte{source, reason}]
	return word(a, okA, result) + " " + word(b, okB, source) + ": " + word(c, okC, reason)
}

func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7E }) < 0
}
