// Package scp implements the node's DICOM network services. Server receives (C-ECHO, C-STORE).
// Client sends (C-ECHO, C-STORE) and queries (C-FIND, C-GET, C-MOVE). The package implements
// the Verification and Storage Service Classes (PS3.4 A and B), Query/Retrieve as SCU (PS3.4 C)
// and, for sessions that implement its interfaces, Storage Commitment (PS3.4 J). It uses
// internal/dimse (PS3.7) and internal/ul (PS3.8). A Server rejects what it does not support
// during negotiation, per presentation context.
//
// The package never interprets a data set: bytes pass unchanged in the negotiated transfer
// syntax. It does not provide Query/Retrieve as SCP or other DIMSE-N services and does not
// negotiate user identity. It performs one operation at a time on each association.
package scp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
)

// DefaultMaxPDULength is the default maximum length in bytes of P-DATA-TF PDUs that is
// announced to the peer (PS3.8 D.1).
const DefaultMaxPDULength = 131072

// ErrAborted says that the peer, or the network layer on either side, ended the association by
// A-ABORT (PS3.8 9.3.8). Reading a data set on an aborted association returns an error that
// wraps it.
var ErrAborted = ul.ErrAborted

// ErrReleased says that the peer ended the association by A-RELEASE.
var ErrReleased = ul.ErrReleased

// ErrNoContext says that the peer accepted no presentation context for the SOP class and
// transfer syntax of a request.
var ErrNoContext = errors.New("no accepted presentation context")

// Backend decides which peers may associate.
type Backend interface {
	// NewSession is called once for each A-ASSOCIATE-RQ with a called AE title of the Server. A
	// *RejectError sets the result, source and reason of the A-ASSOCIATE-RJ (PS3.8 Table 9-21).
	// Any other error, and codes not in the table, are logged and answered 2/1/1 (transient, no
	// reason given). ctx ends with the association.
	NewSession(ctx context.Context, p Peer) (Session, error)
}

// RefusalBackend is a [Backend] that is told of peers that were refused without it.
type RefusalBackend interface {
	Backend
	// Refused is called once for each connection whose TLS handshake failed, and for each
	// A-ASSOCIATE-RQ that the Server rejected by its content or by a limit. err is the error of
	// the handshake, or a *RejectError. After a failed handshake p has no AE titles. Refused may
	// be called concurrently.
	Refused(p Peer, err error)
}

// Session serves one association; its methods are never called concurrently.
type Session interface {
	// Store returns nil only when the instance is stored on disk: the sender may delete its
	// copy after Success. r streams the data set (without file meta information) in
	// req.TransferSyntaxUID as it arrives and is valid until Store returns. It ends with io.EOF
	// only if the sender has completed the data set, else with an error that wraps ErrAborted,
	// io.ErrUnexpectedEOF or os.ErrDeadlineExceeded. A *StatusError sets the status of the
	// C-STORE-RSP; any other error is logged and answered 0x0110.
	Store(ctx context.Context, req StoreRequest, r io.Reader) error
	// Close is called once after the association has ended in any way.
	Close() error
}

// StoreRefusalSession is a [Session] that is told of C-STORE requests that were refused without
// it, because their command is invalid.
type StoreRefusalSession interface {
	// StoreRefused is called once for each. The UIDs of req may be invalid. r is the data set, as
	// with Store, or nil if there is none; it need not be read.
	StoreRefused(req StoreRequest, failure *StatusError, r io.Reader)
}

// Peer describes the other side of an association: its A-ASSOCIATE-RQ (PS3.8 9.3.2) and its
// network address.
type Peer struct {
	Calling, Called           string         // AE titles, without padding
	Remote                    netip.AddrPort // zero if the connection is not an IP connection
	ImplementationClassUID    string
	ImplementationVersionName string
	TLS                       *tls.ConnectionState // nil without TLS
}

// StoreRequest is the command of a C-STORE-RQ (PS3.7 9.3.1.1) and the transfer syntax of its
// presentation context.
type StoreRequest struct {
	SOPClassUID             string
	SOPInstanceUID          string
	TransferSyntaxUID       string
	MessageID               uint16 // Client.Store sets it
	Priority                uint16 // 0 medium, 1 high, 2 low
	MoveOriginatorAETitle   string // "" unless sent on behalf of a C-MOVE
	MoveOriginatorMessageID uint16
}

// Role is a set of roles of the requestor of an association for a SOP class (PS3.7 D.3.3.4).
// The acceptor has the opposite roles.
type Role byte

// The roles. Without role selection the requestor is SCU (PS3.7 D.3.3.4).
const (
	SCURole Role = 1 << iota
	SCPRole
)

// SupportedContext is an abstract syntax that a Server accepts, with its transfer syntaxes in
// order of preference. PeerRoles are the roles that the peer, as requestor, may have by role
// selection; zero means SCURole.
type SupportedContext struct {
	AbstractSyntax   string
	TransferSyntaxes []string
	PeerRoles        Role
}

// Proposal is what a Client proposes for one abstract syntax. Each transfer syntax gets its own
// presentation context, so that each is accepted or rejected separately. Roles are proposed by
// role selection; zero means SCURole without role selection. [Client.Role] returns the granted
// roles.
type Proposal struct {
	AbstractSyntax   string
	TransferSyntaxes []string
	Roles            Role
}

// ProtocolError is a violation of PS3.7 or PS3.8 by a peer.
type ProtocolError = ul.ProtocolError

// SourceError is an error in reading a data set to send: the peer has no part in it.
type SourceError = ul.SourceError

// RejectError is an A-ASSOCIATE-RJ (PS3.8 9.3.4). A Backend returns it to reject a request, a
// Dialer returns it when its request is rejected.
type RejectError struct {
	Result, Source, Reason byte
	Err                    error // for the log; never sent
}

// rejection returns the RejectError of codes. cause may be nil.
func rejection(r ul.Reject, cause error) *RejectError {
	return &RejectError{r.Result, r.Source, r.Reason, cause}
}

// Rejections for a Backend (PS3.8 Table 9-21).
var (
	RejectCallingAETitle = *rejection(ul.RejectCallingAETitle, nil)
	RejectCalledAETitle  = *rejection(ul.RejectCalledAETitle, nil)
	RejectLocalLimit     = *rejection(ul.RejectLocalLimit, nil)
	RejectForNow         = *rejection(ul.RejectForNow, nil) // no reason given
)

func (e *RejectError) codes() ul.Reject {
	return ul.Reject{Result: e.Result, Source: e.Source, Reason: e.Reason}
}

// Transient reports whether a later request may be accepted.
func (e *RejectError) Transient() bool { return e.codes().Transient() }

// Error returns the rejection in the words of PS3.8 Table 9-21.
func (e *RejectError) Error() string {
	words := e.codes().String()
	if e.Err != nil {
		return words + ": " + e.Err.Error()
	}
	return words
}

// Unwrap returns the Backend's cause.
func (e *RejectError) Unwrap() error { return e.Err }

// Addr is the AE title of an application entity and its network address.
type Addr struct {
	AETitle string
	Host    string // host:port
}

// ParseAddr parses "AET@host:port". The port must be a number; an IPv6 host must be in
// brackets.
func ParseAddr(s string) (Addr, error) {
	title, host, ok := strings.Cut(s, "@")
	if !ok {
		return Addr{}, fmt.Errorf("parse address %q: want AETITLE@host:port", s)
	}
	if err := uid.CheckAETitle(title); err != nil {
		return Addr{}, fmt.Errorf("parse address %q: %w", s, err)
	}
	if _, err := netip.ParseAddrPort(host); err == nil {
		return Addr{AETitle: title, Host: host}, nil
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		return Addr{}, fmt.Errorf("parse address %q: %w", s, err)
	}
	if n, err := net.LookupPort("tcp", port); err != nil || n == 0 || name == "" {
		return Addr{}, fmt.Errorf("parse address %q: want a host and a port from 1 to 65535", s)
	}
	return Addr{AETitle: title, Host: host}, nil
}

// String returns the form that ParseAddr parses.
func (a Addr) String() string { return a.AETitle + "@" + a.Host }
