package scp

import "fmt"

// Status is the Status (0000,0900) of a DIMSE response (PS3.7 Annex C).
type Status uint16

// Statuses of C-ECHO (PS3.7 9.1.5), C-STORE (PS3.7 9.1.1, PS3.4 B.2.3) and the
// DIMSE-N services (PS3.7 C).
const (
	Success                Status = 0x0000
	InvalidAttributeValue  Status = 0x0106
	NoSuchEventType        Status = 0x0113
	InvalidArgumentValue   Status = 0x0115
	ClassInstanceConflict  Status = 0x0119
	NoSuchAction           Status = 0x0123
	DuplicateTransaction   Status = 0x0131 // of storage commitment (PS3.3 C.14.1.1)
	ProcessingFailure      Status = 0x0110
	DuplicateSOPInstance   Status = 0x0111
	NoSuchSOPInstance      Status = 0x0112
	InvalidSOPInstance     Status = 0x0117
	NoSuchSOPClass         Status = 0x0118
	MissingAttribute       Status = 0x0120
	SOPClassNotSupported   Status = 0x0122
	NotAuthorized          Status = 0x0124
	DuplicateInvocation    Status = 0x0210
	UnrecognizedOperation  Status = 0x0211
	MistypedArgument       Status = 0x0212
	ResourceLimitation     Status = 0x0213
	OutOfResources         Status = 0xA700
	DataSetMismatch        Status = 0xA900
	CoercionOfDataElements Status = 0xB000
	ElementsDiscarded      Status = 0xB006
	DataSetMismatchWarning Status = 0xB007
	CannotUnderstand       Status = 0xC000
	CancelStatus           Status = 0xFE00
)

var statusWords = map[Status]string{
	Success:                "success",
	InvalidAttributeValue:  "invalid attribute value",
	NoSuchEventType:        "no such event type",
	InvalidArgumentValue:   "invalid argument value",
	ClassInstanceConflict:  "class-instance conflict",
	NoSuchAction:           "no such action",
	DuplicateTransaction:   "duplicate transaction UID",
	ProcessingFailure:      "processing failure",
	DuplicateSOPInstance:   "duplicate SOP instance",
	NoSuchSOPInstance:      "no such SOP instance",
	InvalidSOPInstance:     "invalid SOP instance",
	NoSuchSOPClass:         "no such SOP class",
	MissingAttribute:       "missing attribute",
	SOPClassNotSupported:   "SOP class not supported",
	NotAuthorized:          "not authorized",
	DuplicateInvocation:    "duplicate invocation",
	UnrecognizedOperation:  "unrecognized operation",
	MistypedArgument:       "mistyped argument",
	ResourceLimitation:     "resource limitation",
	CoercionOfDataElements: "coercion of data elements",
	ElementsDiscarded:      "elements discarded",
	DataSetMismatchWarning: "data set does not match SOP class (warning)",
	CancelStatus:           "cancelled",
}

// String returns the code and its meaning in the words of the standard.
func (s Status) String() string {
	words, ok := statusWords[s]
	switch {
	case ok:
	case s&0xFF00 == OutOfResources:
		words = "out of resources"
	case s&0xFF00 == DataSetMismatch:
		words = "data set does not match SOP class"
	case s&0xF000 == CannotUnderstand:
		words = "cannot understand"
	default:
		words = "unknown status"
	}
	return fmt.Sprintf("%04X %s", uint16(s), words)
}

// Warning reports whether the operation was performed with a warning; the instance is stored
// (PS3.7 C.3). Status 0x0111 on C-STORE counts as a failure here, although the instance is not
// lost.
func (s Status) Warning() bool {
	return s&0xF000 == 0xB000 || s == 0x0001 || s == 0x0107 || s == 0x0116
}

// Failure reports whether the operation was not performed (PS3.7 C.4).
func (s Status) Failure() bool {
	return s != Success && !s.Warning()
}

// Pending reports whether further responses follow (PS3.7 C.5, status FF00 and FF01).
func (s Status) Pending() bool { return s == 0xFF00 || s == 0xFF01 }

// StatusError is an error to report to the peer. Its Status and Comment are sent in the
// response; Err is for the log only.
type StatusError struct {
	Status  Status
	Comment string // Error Comment (0000,0902), of which at most 64 characters are sent; no patient data
	Err     error
}

// Error returns the status in words, the comment and the cause.
func (e *StatusError) Error() string {
	s := "status " + e.Status.String()
	if e.Comment != "" {
		s += " (" + e.Comment + ")"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *StatusError) Unwrap() error { return e.Err }
