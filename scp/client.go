package scp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
)

// Client is an association made by [Dialer.Dial]. Its methods must not be called
// concurrently.
type Client struct {
	conn      *ul.Conn
	timeout   time.Duration
	contexts  map[accepted]byte
	refused   map[accepted]string // why, in words
	messageID uint16
	released  bool
}

// Accepted tells whether the peer accepted the abstract syntax in this transfer
// syntax.
func (c *Client) Accepted(abstractSyntax, transferSyntax string) bool {
	_, ok := c.contexts[accepted{abstractSyntax, transferSyntax}]
	return ok
}

// Echo performs C-ECHO (PS3.7 9.1.5). Verification must have been accepted.
func (c *Client) Echo(ctx context.Context) error {
	for pc, id := range c.contexts {
		if pc.abstractSyntax != uid.Verification {
			continue
		}
		rq := &dimse.Command{Field: dimse.CEchoRQ, AffectedSOPClassUID: uid.Verification, Present: dimse.AffectedSOPClassUID}
		status, err := c.request(ctx, id, rq, nil)
		if err == nil && status != Success {
			err = &StatusError{Status: status}
		}
		return err
	}
	return c.noContext(uid.Verification, "")
}

// Store performs C-STORE (PS3.7 9.1.1): r is the data set, without file meta
// information, in req.TransferSyntaxUID; req.MessageID is chosen here. It
// returns the peer's status; the error is nil for Success and warnings, and a
// *StatusError for every other status. After any other error than that and
// ErrNoContext the association is gone.
func (c *Client) Store(ctx context.Context, req StoreRequest, r io.Reader) (Status, error) {
	id, ok := c.contexts[accepted{req.SOPClassUID, req.TransferSyntaxUID}]
	if !ok {
		return 0, c.noContext(req.SOPClassUID, req.TransferSyntaxUID)
	}
	if err := uid.Check(req.SOPInstanceUID); err != nil {
		return 0, fmt.Errorf("store: SOP instance: %w", err)
	}
	rq := &dimse.Command{
		Field: dimse.CStoreRQ, AffectedSOPClassUID: req.SOPClassUID, AffectedSOPInstanceUID: req.SOPInstanceUID, Priority: req.Priority,
		MoveOriginatorAETitle: req.MoveOriginatorAETitle, MoveOriginatorMessageID: req.MoveOriginatorMessageID,
		Present: dimse.AffectedSOPClassUID | dimse.AffectedSOPInstanceUID | dimse.Priority,
	}
	if req.MoveOriginatorAETitle != "" {
		rq.Present |= dimse.MoveOriginatorAETitle | dimse.MoveOriginatorMessageID
	}
	if req.TransferSyntaxUID == uid.DeflatedExplicitVRLittleEndian {
		r = &evened{r: r}
	}
	status, err := c.request(ctx, id, rq, r)
	if err == nil && status.Failure() {
		err = &StatusError{Status: status}
	}
	return status, err
}

// evened pads a deflated data set of odd length with a zero byte (PS3.5 A.5):
// files often lack it, and peers abort without it.
type evened struct {
	r   io.Reader
	odd bool
}

func (e *evened) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := e.r.Read(p)
	e.odd = e.odd != (n%2 == 1)
	if !errors.Is(err, io.EOF) || !e.odd {
		return n, err
	}
	if n == len(p) {
		return n, nil // the reader says io.EOF again
	}
	p[n], e.odd = 0, false
	return n + 1, io.EOF
}

func (c *Client) noContext(abstractSyntax, transferSyntax string) error {
	why, proposed := c.refused[accepted{abstractSyntax, transferSyntax}]
	if !proposed {
		why = "not proposed, or not accepted"
	}
	return fmt.Errorf("%w for %s in %s: %s", ErrNoContext, uid.Name(abstractSyntax), uid.Name(transferSyntax), why)
}

// request sends a message and waits for its response. Once ctx ends the
// connection is closed: a message cannot be taken back otherwise.
func (c *Client) request(ctx context.Context, contextID byte, rq *dimse.Command, data io.Reader) (Status, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	defer context.AfterFunc(ctx, c.conn.Kill)()
	c.messageID++
	rq.MessageID = c.messageID
	rq.Present |= dimse.MessageID
	if err := dimse.Send(c.conn, contextID, rq, data); err != nil {
		c.conn.Abort()
		return 0, because(ctx, err)
	}
	status, err := c.response(contextID, rq)
	return status, because(ctx, err)
}

// because adds the end of ctx as the cause of an error.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}

func (c *Client) response(contextID byte, rq *dimse.Command) (Status, error) {
	m, err := dimse.Read(c.conn, c.timeout)
	if err != nil {
		return 0, err
	}
	rsp := m.Command
	if m.ContextID != contextID || rsp.Field != rq.Field.Response() || rsp.MessageIDBeingRespondedTo != rq.MessageID {
		return 0, c.conn.Violation(ul.ReasonInvalidValue, "response that does not belong to the request")
	}
	return Status(rsp.Status), m.Drain(c.timeout)
}

// Release ends the association by A-RELEASE (PS3.8 7.2).
func (c *Client) Release(ctx context.Context) error {
	if c.released {
		return nil
	}
	defer context.AfterFunc(ctx, c.conn.Kill)()
	err := because(ctx, c.conn.Release())
	c.released = true
	c.conn.Close()
	return err
}

// Abort ends the association by A-ABORT (PS3.8 7.3). It has no effect after
// Release.
func (c *Client) Abort() {
	if !c.released {
		c.released = true
		c.conn.Abort()
		c.conn.Close()
	}
}

// Dialer makes associations as requestor.
type Dialer struct {
	Calling                   string        // our AE title
	MaxPDULength              uint32        // announced to the peer, in bytes; default DefaultMaxPDULength
	DialTimeout               time.Duration // for the TCP and TLS connection; default 10 s
	AssociationTimeout        time.Duration // for the answers to A-ASSOCIATE-RQ and A-RELEASE-RQ; default 30 s
	ResponseTimeout           time.Duration // for the response to a message sent; default 120 s
	WriteTimeout              time.Duration // for each PDU sent; default 30 s
	TLS                       *tls.Config   // nil for plain TCP
	ImplementationClassUID    string        // default uid.Implementation
	ImplementationVersionName string        // default uid.ImplementationVersionName
}

// Dial connects to addr and negotiates the proposals. The error is a
// *RejectError when the peer refused the association. That it refused single
// presentation contexts is no error: see [Client.Accepted].
func (d *Dialer) Dial(ctx context.Context, addr Addr, proposals ...Proposal) (*Client, error) {
	rq, wanted, err := d.propose(addr, proposals)
	if err != nil {
		return nil, err
	}
	nc, err := d.connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	c := &Client{timeout: or(d.ResponseTimeout, 120*time.Second)}
	c.conn = ul.NewConn(nc, false, rq.User.MaximumLength, ul.Timeouts{
		ARTIM: or(d.AssociationTimeout, 30*time.Second),
		Read:  or(d.ResponseTimeout, 120*time.Second),
		Write: or(d.WriteTimeout, 30*time.Second),
	})
	defer context.AfterFunc(ctx, c.conn.Kill)()
	if err := c.associate(rq, wanted); err != nil {
		c.conn.Close()
		return nil, because(ctx, err)
	}
	return c, nil
}

func (d *Dialer) connect(ctx context.Context, addr Addr) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, or(d.DialTimeout, 10*time.Second))
	defer cancel()
	if d.TLS != nil {
		return (&tls.Dialer{Config: d.TLS}).DialContext(ctx, "tcp", addr.Host)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", addr.Host)
}

// propose builds the A-ASSOCIATE-RQ: one presentation context for each transfer
// syntax, at most 128 (odd IDs 1 to 255, PS3.8 9.3.2.2).
func (d *Dialer) propose(addr Addr, proposals []Proposal) (*ul.Associate, map[byte]accepted, error) {
	rq := &ul.Associate{
		ProtocolVersion: 1, Called: addr.AETitle, Calling: d.Calling, ApplicationContext: uid.ApplicationContext,
		User: d.user(),
	}
	if n := rq.User.MaximumLength; n < minPDULength {
		return nil, nil, fmt.Errorf("propose maximum PDU length %d: want at least %d", n, minPDULength)
	}
	wanted := map[byte]accepted{}
	for _, p := range proposals {
		for _, ts := range p.TransferSyntaxes {
			if len(rq.Contexts) == 128 {
				return nil, nil, errors.New("propose presentation contexts: more than 128")
			}
			if err := errors.Join(uid.Check(p.AbstractSyntax), uid.Check(ts)); err != nil {
				return nil, nil, fmt.Errorf("propose %q in %q: %w", p.AbstractSyntax, ts, err)
			}
			id := byte(2*len(rq.Contexts) + 1)
			rq.Contexts = append(rq.Contexts, ul.Context{ID: id, AbstractSyntax: p.AbstractSyntax, TransferSyntaxes: []string{ts}})
			wanted[id] = accepted{p.AbstractSyntax, ts}
		}
	}
	if len(rq.Contexts) == 0 {
		return nil, nil, errors.New("propose presentation contexts: none given")
	}
	return rq, wanted, errors.Join(uid.CheckAETitle(d.Calling), uid.CheckAETitle(addr.AETitle))
}

func (d *Dialer) user() ul.UserInformation {
	return ul.UserInformation{
		MaximumLength:             or(d.MaxPDULength, DefaultMaxPDULength),
		ImplementationClassUID:    or(d.ImplementationClassUID, uid.Implementation),
		ImplementationVersionName: or(d.ImplementationVersionName, uid.ImplementationVersionName),
	}
}

func (c *Client) associate(rq *ul.Associate, wanted map[byte]accepted) error {
	answer, err := c.conn.Associate(rq)
	if err != nil {
		return err
	}
	if rj, ok := answer.(*ul.Reject); ok {
		return &RejectError{Result: rj.Result, Source: rj.Source, Reason: rj.Reason}
	}
	ac, ok := answer.(*ul.Associate)
	if !ok {
		return c.conn.Violation(ul.ReasonUnexpectedPDU, "unexpected answer")
	}
	return c.learn(ac.Contexts, wanted)
}

// contextResults says why a presentation context was refused (PS3.8 Table 9-18).
var contextResults = map[byte]string{
	ul.UserRejection:             "refused by the user",
	ul.NoReason:                  "refused without a reason",
	ul.AbstractSyntaxUnsupported: "SOP class not supported",
	ul.TransferSyntaxUnsupported: "transfer syntax not supported",
}

func (c *Client) learn(answers []ul.Context, wanted map[byte]accepted) error {
	c.contexts, c.refused = map[accepted]byte{}, map[accepted]string{}
	for _, a := range answers {
		pc, ok := wanted[a.ID]
		switch {
		case !ok:
			return c.conn.Violation(ul.ReasonInvalidValue, "answer to a presentation context that was not proposed")
		case a.Result != ul.Acceptance:
			c.refused[pc] = or(contextResults[a.Result], fmt.Sprintf("refused with result %d", a.Result))
		case a.TransferSyntaxes[0] != pc.transferSyntax:
			return c.conn.Violation(ul.ReasonInvalidValue, "presentation context accepted in a transfer syntax that was not proposed")
		default:
			c.contexts[pc] = a.ID
		}
	}
	return nil
}
