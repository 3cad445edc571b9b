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

// ContextError tells why no request can be made for a SOP class in a transfer
// syntax. It wraps [ErrNoContext].
type ContextError struct {
	AbstractSyntax, TransferSyntax string
	Proposed                       bool
	Result                         byte // of the peer, where it was proposed (PS3.8 Table 9-18)
}

// Error names the SOP class, the transfer syntax and the peer's result.
func (e *ContextError) Error() string {
	why := "not proposed, or not accepted"
	if e.Proposed {
		why = ul.ContextResult(e.Result)
	}
	return fmt.Sprintf("%v for %s in %s: %s", ErrNoContext, uid.Name(e.AbstractSyntax), uid.Name(e.TransferSyntax), why)
}

// Unwrap returns [ErrNoContext].
func (e *ContextError) Unwrap() error { return ErrNoContext }

// Unsupported tells that the peer takes no object of the SOP class at all, in whatever
// transfer syntax.
func (e *ContextError) Unsupported() bool {
	return e.Proposed && e.Result == ul.AbstractSyntaxUnsupported
}

// Transient reports whether the peer may accept another time: it refused as user or
// without a reason, and not for what it does not support.
func (e *ContextError) Transient() bool {
	return e.Proposed && (e.Result == ul.UserRejection || e.Result == ul.NoReason)
}

// Accepted reports whether the peer accepted the abstract syntax in this transfer
// syntax.
func (c *Client) Accepted(abstractSyntax, transferSyntax string) bool {
	_, ok := c.ids[accepted{abstractSyntax, transferSyntax}]
	return ok
}

// Refused tells why the peer did not accept the abstract syntax in this transfer
// syntax; nil where it did.
func (c *Client) Refused(abstractSyntax, transferSyntax string) *ContextError {
	pc := accepted{abstractSyntax, transferSyntax}
	if _, ok := c.ids[pc]; ok {
		return nil
	}
	result, proposed := c.refused[pc]
	return &ContextError{abstractSyntax, transferSyntax, proposed, result}
}

// Role tells which roles the client has for the abstract syntax: those of its
// proposal that the peer granted, SCURole where none was proposed or the peer
// answered nothing (PS3.7 D.3.3.4).
func (c *Client) Role(abstractSyntax string) Role {
	if role, ok := c.roles[abstractSyntax]; ok {
		return role
	}
	return SCURole
}

// Waiting reports whether the peer waits for the next request: it has neither asked for
// the release of the association nor ended it since it answered the last one.
func (c *Client) Waiting() bool { return !c.released && c.conn.Quiet() }

// Echo performs C-ECHO (PS3.7 9.1.5). Verification must have been accepted.
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

// request sends a message and waits for its only response, which has no data set.
// Once ctx ends the connection is closed: a message cannot be taken back otherwise.
func (c *Client) request(ctx context.Context, contextID byte, rq *dimse.Command, data io.Reader) (status StatusError, err error) {
	if err := ctx.Err(); err != nil {
		return status, err
	}
	defer context.AfterFunc(ctx, c.conn.Kill)()
	c.messageID++
	rq.MessageID = c.messageID
	rq.Present |= dimse.MessageID
	err = c.call(ctx, contextID, rq, data, c.timeout, func(m *dimse.Message) error {
		c.judge(rq, m.Command)
		status = StatusError{Status: Status(m.Command.Status), Comment: comment(m.Command.ErrorComment)}
		return nil
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("no response within %v: %w", c.timeout, err)
	}
	return status, because(ctx, err)
}

// judge notes what is odd about a response. With one operation at a time it can be
// the response to no other request, and these services answer without a data set:
// a wrong message ID or data set type takes nothing from the status, and to take
// the object for lost would send it again for days.
func (c *Client) judge(rq, rsp *dimse.Command) {
	if rsp.MessageIDBeingRespondedTo != rq.MessageID {
		c.log.Warn("response with the message ID of another request", "message_id", rsp.MessageIDBeingRespondedTo, "want", rq.MessageID)
	}
	if rsp.HasDataset() {
		c.log.Warn("response announces a data set it cannot have", "data_set_type", rsp.DataSetType)
	}
}

// because adds the end of ctx as the cause of an error.
func because(ctx context.Context, err error) error {
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
