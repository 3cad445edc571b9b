package scp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
)

// Client is an association made by [Dialer.Dial]. Its methods must not be called
// concurrently.
type Client struct {
	core
	timeout   time.Duration // for a response
	ids       map[accepted]byte
	refused   map[accepted]byte // result of PS3.8 Table 9-18
	roles     map[string]Role   // negotiated, by SOP class
	messageID uint16
	released  bool
}

// ContextError says why no request can be made for a SOP class in a transfer syntax. It wraps
// [ErrNoContext].
type ContextError struct {
	AbstractSyntax, TransferSyntax string
	Proposed                       bool
	Result                         byte // of the peer, if it was proposed (PS3.8 Table 9-18)
}

// Error returns the SOP class, the transfer syntax and the peer's result.
func (e *ContextError) Error() string {
	why := "not proposed, or not accepted"
	if e.Proposed {
		why = ul.ContextResult(e.Result)
	}
	return fmt.Sprintf("%v for %s in %s: %s", ErrNoContext, uid.Name(e.AbstractSyntax), uid.Name(e.TransferSyntax), why)
}

// Unwrap returns [ErrNoContext].
func (e *ContextError) Unwrap() error { return ErrNoContext }

// Unsupported reports whether the peer does not support the SOP class in any transfer syntax.
func (e *ContextError) Unsupported() bool {
	return e.Proposed && e.Result == ul.AbstractSyntaxUnsupported
}

// Transient reports whether the peer may accept a later proposal: it rejected the context as
// user or gave no reason, and did not report missing support.
func (e *ContextError) Transient() bool {
	return e.Proposed && (e.Result == ul.UserRejection || e.Result == ul.NoReason)
}

// Accepted reports whether the peer accepted the abstract syntax in this transfer syntax.
func (c *Client) Accepted(abstractSyntax, transferSyntax string) bool {
	_, ok := c.ids[accepted{abstractSyntax, transferSyntax}]
	return ok
}

// Refused says why the peer did not accept the abstract syntax in this transfer syntax; nil if
// it did.
func (c *Client) Refused(abstractSyntax, transferSyntax string) *ContextError {
	pc := accepted{abstractSyntax, transferSyntax}
	if _, ok := c.ids[pc]; ok {
		return nil
	}
	result, proposed := c.refused[pc]
	return &ContextError{abstractSyntax, transferSyntax, proposed, result}
}

// Role returns the client's roles for the abstract syntax: the proposed ones that the peer
// granted. It returns SCURole if no roles were proposed or the peer did not answer the proposal
// (PS3.7 D.3.3.4).
func (c *Client) Role(abstractSyntax string) Role {
	if role, ok := c.roles[abstractSyntax]; ok {
		return role
	}
	return SCURole
}

// Waiting reports whether the peer waits for the next request: since its last response it has
// neither requested the release of the association nor ended it.
func (c *Client) Waiting() bool { return !c.released && c.conn.Quiet() }

// Echo performs C-ECHO (PS3.7 9.1.5). The peer must have accepted Verification.
func (c *Client) Echo(ctx context.Context) error {
	for pc, id := range c.ids {
		if pc.abstractSyntax != uid.Verification {
			continue
		}
		rq := &dimse.Command{Field: dimse.CEchoRQ, AffectedSOPClassUID: uid.Verification, Present: dimse.AffectedSOPClassUID}
		status, err := c.request(ctx, id, rq, nil)
		if err == nil && status.Status != Success {
			err = &status
		}
		return err
	}
	return &ContextError{AbstractSyntax: uid.Verification}
}

// request sends a message and waits for its response, which has no data set. When ctx ends it
// closes the connection, because a message cannot be cancelled in any other way.
func (c *Client) request(ctx context.Context, contextID byte, rq *dimse.Command, data io.Reader) (status StatusError, err error) {
	if err := ctx.Err(); err != nil {
		return status, err
	}
	defer context.AfterFunc(ctx, c.conn.Kill)()
	c.messageID++
	rq.MessageID = c.messageID
	rq.Present |= dimse.MessageID
	err = c.call(ctx, contextID, rq, data, c.timeout, func(m *dimse.Message) error {
		c.checkResponse(rq, m.Command)
		status = StatusError{Status: Status(m.Command.Status), Comment: comment(m.Command.ErrorComment)}
		return nil
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("no response within %v: %w", c.timeout, err)
	}
	return status, withCause(ctx, err)
}

// checkResponse logs a wrong message ID or data set type of a response. It does not change the status:
// with one operation at a time no other request can be meant, and these services have no data
// set in their responses. If the status were ignored, the object would be sent again for days.
func (c *Client) checkResponse(rq, rsp *dimse.Command) {
	if rsp.MessageIDBeingRespondedTo != rq.MessageID {
		c.log.Warn("response with the message ID of another request", "message_id", rsp.MessageIDBeingRespondedTo, "want", rq.MessageID)
	}
	if rsp.HasDataset() {
		c.log.Warn("response announces a data set it cannot have", "data_set_type", rsp.DataSetType)
	}
}

// withCause adds the end of ctx to an error as its cause.
func withCause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}

// Release ends the association by A-RELEASE (PS3.8 7.2).
func (c *Client) Release(ctx context.Context) error {
	if c.released {
		return nil
	}
	defer context.AfterFunc(ctx, c.conn.Kill)()
	err := withCause(ctx, c.conn.Release())
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
