package ul

import "fmt"

// PDU types (PS3.8 9.3.1).
const (
	typeAssociateRQ byte = 0x01
	typeAssociateAC byte = 0x02
	typeAssociateRJ byte = 0x03
	typePData       byte = 0x04
	typeReleaseRQ   byte = 0x05
	typeReleaseRP   byte = 0x06
	typeAbort       byte = 0x07
)

// Item types (PS3.8 9.3.2, 9.3.3, D.1; PS3.7 D.3.3).
const (
	itemApplicationContext  byte = 0x10
	itemContextRQ           byte = 0x20
	itemContextAC           byte = 0x21
	itemAbstractSyntax      byte = 0x30
	itemTransferSyntax      byte = 0x40
	itemUserInformation     byte = 0x50
	itemMaximumLength       byte = 0x51
	itemImplementationClass byte = 0x52
	itemAsynchronousWindow  byte = 0x53
	itemRoleSelection       byte = 0x54
	itemImplementationName  byte = 0x55
)

// MaxAssociateLength is the greatest PDU length of A-ASSOCIATE-RQ and -AC, in bytes. 128
// presentation contexts with all known transfer syntaxes need less.
const MaxAssociateLength = 256 << 10

// Results of one presentation context (PS3.8 Table 9-18).
const (
	Acceptance                byte = 0
	UserRejection             byte = 1
	NoReason                  byte = 2
	AbstractSyntaxUnsupported byte = 3
	TransferSyntaxUnsupported byte = 4
)

var contextResults = map[byte]string{
	Acceptance:                "accepted",
	UserRejection:             "refused by the user",
	NoReason:                  "refused without a reason",
	AbstractSyntaxUnsupported: "SOP class not supported",
	TransferSyntaxUnsupported: "transfer syntax not supported",
}

// ContextResult returns the result of a presentation context in words (PS3.8 Table 9-18).
func ContextResult(result byte) string {
	if words, ok := contextResults[result]; ok {
		return words
	}
	return fmt.Sprintf("refused with result %d", result)
}

// PDU is an *Associate, *Reject, *Release, *Abort, or *PData.
type PDU interface {
	pduType() byte
	appendBody(b []byte) ([]byte, error)
}

// Associate is an A-ASSOCIATE-RQ (PS3.8 9.3.2) or, if Accept is set, an A-ASSOCIATE-AC (PS3.8
// 9.3.3).
type Associate struct {
	Accept             bool
	ProtocolVersion    uint16 // bit 0: version 1
	Called, Calling    string // AE titles without padding
	ApplicationContext string
	Contexts           []Context
	User               UserInformation

	fixed [64]byte // bytes 11 to 74 of a received request, which its answer repeats
}

// Answer returns the start of an A-ASSOCIATE-AC to a received request. It has the application
// context, AE titles and reserved bytes of the request, unchanged (PS3.8 Table 9-17).
func (p *Associate) Answer() *Associate {
	return &Associate{
		Accept: true, ProtocolVersion: 1, Called: p.Called, Calling: p.Calling,
		ApplicationContext: p.ApplicationContext, fixed: p.fixed,
	}
}

// Context is a presentation context: proposed (AbstractSyntax and all TransferSyntaxes; PS3.8
// 9.3.2.2) or answered (Result and one transfer syntax; PS3.8 9.3.3.2). ID is odd, 1 to 255.
// Invalid UIDs of a proposed context are left out. If AbstractSyntax or TransferSyntaxes is
// then empty, the context can only be rejected.
type Context struct {
	ID               byte
	Result           byte
	AbstractSyntax   string
	TransferSyntaxes []string
}

// UserInformation contains the sub-items that this package negotiates (PS3.7 D.3.3).
type UserInformation struct {
	MaximumLength             uint32 // 0 = no maximum
	ImplementationClassUID    string
	ImplementationVersionName string
	Window                    *Window // nil: not negotiated
	Roles                     []Role  // SOP classes without an entry keep the default roles
}

// Role is an SCP/SCU role selection (PS3.7 D.3.3.4) for one SOP class: the roles that the
// requestor of the association proposes or, in the answer, may take. Without it the requestor
// is SCU and the acceptor SCP.
type Role struct {
	SOPClassUID string
	SCU, SCP    bool
}

// Window is the asynchronous operations window (PS3.7 D.3.3.3).
type Window struct{ Invoked, Performed uint16 }

// Release is an A-RELEASE-RQ (PS3.8 9.3.6) or, if Response is set, an A-RELEASE-RP (PS3.8
// 9.3.7).
type Release struct{ Response bool }

// Abort is an A-ABORT (PS3.8 9.3.8).
type Abort struct{ Source, Reason byte }

// PData is a complete P-DATA-TF (PS3.8 9.3.5). Conn does not use it, because it streams.
type PData struct{ Values []PDV }

// PDV is a presentation data value with its message control header
// (PS3.8 9.3.5.1, E.2).
type PDV struct {
	ContextID     byte
	Command, Last bool
	Data          []byte
}

func (p *Associate) pduType() byte {
	if p.Accept {
		return typeAssociateAC
	}
	return typeAssociateRQ
}
func (*Reject) pduType() byte { return typeAssociateRJ }
func (*PData) pduType() byte  { return typePData }
func (*Abort) pduType() byte  { return typeAbort }
func (p *Release) pduType() byte {
	if p.Response {
		return typeReleaseRP
	}
	return typeReleaseRQ
}
