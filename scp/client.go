package scp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"time"
)

// Dialer makes associations as requestor.
type Dialer struct {
	Calling                   string        // our AE title
	MaxPDULength              uint32        // announced to the peer, in bytes; default DefaultMaxPDULength
	DialTimeout               time.Duration // for the TCP and TLS connection; default 10 s
	AssociationTimeout        time.Duration // for the answer to the A-ASSOCIATE-RQ and to A-RELEASE-RQ; default 30 s
	ResponseTimeout           time.Duration // for the response to a message sent; default 120 s
	WriteTimeout              time.Duration // for each PDU sent; default 30 s
	TLS                       *tls.Config   // nil for plain TCP
	ImplementationClassUID    string        // default DefaultImplementationClassUID
	ImplementationVersionName string        // default DefaultImplementationVersionName
}

// Client is an association made by Dialer.Dial. Its methods must not be called
// concurrently, save Abort.
type Client struct{}

// Dial connects to addr and negotiates the proposals. The error is a
// *RejectError when the peer refused.
func (d *Dialer) Dial(ctx context.Context, addr Addr, proposals ...Proposal) (*Client, error) {
	return nil, errors.ErrUnsupported
}

// Accepted tells whether the peer accepted the abstract syntax in this
// transfer syntax.
func (c *Client) Accepted(abstractSyntax, transferSyntax string) bool { return false }

// Echo performs C-ECHO (PS3.7 9.1.5).
func (c *Client) Echo(ctx context.Context) error { return errors.ErrUnsupported }

// Store performs C-STORE (PS3.7 9.1.1): r is the data set, without file meta
// information, in req.TransferSyntaxUID. It returns the peer's status; the
// error is nil for Success and warnings, a *StatusError for any other status.
// After any other error the association is gone.
func (c *Client) Store(ctx context.Context, req StoreRequest, r io.Reader) (Status, error) {
	return 0, errors.ErrUnsupported
}

// Release ends the association by A-RELEASE (PS3.8 7.2).
func (c *Client) Release(ctx context.Context) error { return errors.ErrUnsupported }

// Abort ends the association by A-ABORT. It has no effect after Release.
func (c *Client) Abort() {}
