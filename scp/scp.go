// Package scp is the node's DICOM network: Server receives (C-ECHO, C-STORE)
// and Client sends (C-ECHO, C-STORE) and asks (C-FIND, C-GET, C-MOVE). It
// implements the Verification and Storage Service Classes (PS3.4 A and B), as user
// Query/Retrieve (PS3.4 C) and, for sessions that have the interfaces of it, Storage
// Commitment (PS3.4 J), on internal/dimse (PS3.7) and internal/ul (PS3.8). Whatever a
// Server does not support is refused while the association is negotiated, per
// presentation context.
//
// It never interprets a data set: bytes pass through as they are, in the
// transfer syntax negotiated. It does not offer query/retrieve to others or
// another DIMSE-N service, does not negotiate user identity, and
// performs one operation at a time on each association.
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

// DefaultMaxPDULength is the maximum length, in bytes, of the P-DATA-TF PDUs
// announced to the peer when none is configured (PS3.8 D.1).
const DefaultMaxPDULength = 131072

// ErrAborted tells that the peer, or the network layer on either side, ended
// the association by A-ABORT (PS3.8 9.3.8). Reading a data set of an aborted
// association returns an error that wraps it.
var ErrAborted = ul.ErrAborted

// ErrReleased tells that the peer ended the association by A-RELEASE.
var ErrReleased = ul.ErrReleased

// ErrNoContext tells that the peer accepted no presentation context for the
// SOP class and transfer syntax of a request.
var ErrNoContext = errors.New("no accepted presentation context")

// Backend decides who may associate.
type Backend interface {
	// NewSession is called once for each A-ASSOCIATE-RQ that names a called AE
	// title of the Server. A *RejectError chooses the result, source and reason
	// of the A-ASSOCIATE-RJ (PS3.8 Table 9-21); any other error, and codes the
	// table does not have, are logged and answered 2/1/1 (transient, no reason
	// given). ctx ends with the association.
	NewSession(ctx context.Context, p Peer) (Session, error)
}

// Session serves one association; its methods are never called concurrently.
type Session interface {
	// Store returns nil only when the instance is safe on disk: the sender may
	// delete its copy after Success. r streams the data set (no file meta
	// information) in req.TransferSyntaxUID as it arrives and is valid until
	// Store returns; its end is io.EOF only if the sender finished the data set,
	// else an error wrapping ErrAborted, io.ErrUnexpectedEOF or
	// os.ErrDeadlineExceeded. A *StatusError chooses the status of the
	// C-STORE-RSP; any other error is logged and answered 0x0110.
	Store(ctx context.Context, req StoreRequest, r io.Reader) error
	// Close is called once when the association has ended, however it ended.
	Close() error
}

// Peer is the other side of an association, as it describes itself in the
// A-ASSOCIATE-RQ (PS3.8 9.3.2) and as the network sees it.
type Peer struct {
	Calling, Called           string         // AE titles, without padding
	Remote                    netip.AddrPort // zero where the connection is no IP connection
	ImplementationClassUID    string
	ImplementationVersionName string
	TLS                       *tls.ConnectionState // nil without TLS
}

// StoreRequest is the command of one C-STORE-RQ (PS3.7 9.3.1.1) and the
// transfer syntax of its presentation context.
type StoreRequest struct {
	SOPClassUID             string
	SOPInstanceUID          string
	TransferSyntaxUID       string
	MessageID               uint16 // chosen by Client.Store when sending
	Priority                uint16 // 0 medium, 1 high, 2 low
	MoveOriginatorAETitle   string // empty unless sent on behalf of a C-MOVE
	MoveOriginatorMessageID uint16
}

// Role is a set of the roles that the requestor of an association takes for a SOP
// class (PS3.7 D.3.3.4). The acceptor takes the other of each.
type Role byte

// Roles. Where none is negotiated the requestor is SCU (PS3.7 D.3.3.4).
const (
	SCURole Role = 1 << iota
	SCPRole
)

// SupportedContext is one abstract syntax a Server accepts and the transfer
// syntaxes it takes it in, the preferred one first. PeerRoles are the roles that the
// peer, as requestor, may have by role selection; zero is SCURole.
type SupportedContext struct {
	AbstractSyntax   string
	TransferSyntaxes []string
	PeerRoles        Role
}

// Proposal is what a Client proposes for one abstract syntax. Every transfer
// syntax gets a presentation context of its own, so that the answer says for
// each whether it may be used. Roles are proposed by role selection; zero is the
// default, SCURole without role selection. What was granted: [Client.Role].
type Proposal struct {
	AbstractSyntax   string
	TransferSyntaxes []string
	Roles            Role
}

// ProtocolError tells what a peer sent against PS3.7 or PS3.8.
type ProtocolError = ul.ProtocolError

// RejectError is an A-ASSOCIATE-RJ (PS3.8 9.3.4): a Backend returns it to
// choose the refusal, a Dialer returns it when refused.
type RejectError struct {
	Result, Source, Reason byte
	Err                    error // for the log; never sent
}

// rejection is the RejectError of codes, for a cause that may be nil.
func rejection(r ul.Reject, cause error) *RejectError {
	return &RejectError{r.Result, r.Source, r.Reason, cause}
}

// Refusals that a Backend gives (PS3.8 Table 9-21).
var (
	RejectCallingAETitle = *rejection(ul.RejectCallingAETitle, nil)
	RejectCalledAETitle  = *rejection(ul.RejectCalledAETitle, nil)
	RejectLocalLimit     = *rejection(ul.RejectLocalLimit, nil)
	RejectForNow         = *rejection(ul.RejectForNow, nil) // no reason given
)

func (e *RejectError) codes() ul.Reject {
	return ul.Reject{Result: e.Result, Source: e.Source, Reason: e.Reason}
}

// Transient reports whether another try may be accepted.
func (e *RejectError) Transient() bool { return e.codes().Transient() }

// Error says the refusal in the words of PS3.8 Table 9-21.
func (e *RejectError) Error() string {
	words := e.codes().String()
	if e.Err != nil {
		return words + ": " + e.Err.Error()
	}
	return words
}

// Unwrap returns the cause given by the Backend.
func (e *RejectError) Unwrap() error { return e.Err }

// Addr names an application entity and where it listens.
type Addr struct {
	AETitle string
	Host    string // host:port
}

// ParseAddr reads "AET@host:port". The port may be a number only; an IPv6 host
// stands in brackets.
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

// String returns the form ParseAddr reads.
func (a Addr) String() string { return a.AETitle + "@" + a.Host }
