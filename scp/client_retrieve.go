package scp

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
)

// Query is the request of a C-FIND, C-GET or C-MOVE: its SOP class (PS3.4 C.3), the transfer
// syntax of an accepted presentation context, and the Identifier encoded in it.
type Query struct {
	SOPClassUID       string
	TransferSyntaxUID string
	Identifier        []byte
}

// Suboperations counts the sub-operations of a C-GET or C-MOVE (PS3.7 9.1.3, 9.1.4).
type Suboperations struct{ Remaining, Completed, Failed, Warning int }

// maxIdentifier is the greatest length in bytes of a match's Identifier.
const maxIdentifier = 1 << 20

// Find performs C-FIND (PS3.7 9.1.2) and calls each with the Identifier of each match, which
// each may keep. It returns a *StatusError if the peer reports a failure. After any other
// error, including one of each, the association has ended.
func (c *Client) Find(ctx context.Context, q Query, each func(identifier []byte) error) error {
	_, err := c.query(ctx, dimse.CFindRQ, q, "", func(m *dimse.Message) error {
		if m.Dataset == nil {
			return nil
		}
		b, err := io.ReadAll(io.LimitReader(m.Dataset, maxIdentifier+1))
		switch {
		case err != nil:
			return err
		case len(b) > maxIdentifier:
			return fmt.Errorf("match of more than %d bytes", maxIdentifier)
		case !Status(m.Command.Status).Pending():
			return nil
		}
		return each(b)
	})
	return err
}

// Get performs C-GET (PS3.7 9.1.3): the peer stores the matches on this association, using the
// Dialer's Session, if it granted the SCP role for their SOP class (PS3.7 D.3.3.4). progress,
// which may be nil, is called for each response. Errors are as for [Client.Find]. Status B000,
// which says that some instances were not sent, is no error.
func (c *Client) Get(ctx context.Context, q Query, progress func(Suboperations)) (Suboperations, error) {
	return c.retrieve(ctx, dimse.CGetRQ, q, "", progress)
}

// Move performs C-MOVE (PS3.7 9.1.4): the peer stores the matches at the application entity
// destination, which must be configured there. Otherwise it is like [Client.Get].
func (c *Client) Move(ctx context.Context, q Query, destination string, progress func(Suboperations)) (Suboperations, error) {
	if err := uid.CheckAETitle(destination); err != nil {
		return Suboperations{}, fmt.Errorf("move destination: %w", err)
	}
	return c.retrieve(ctx, dimse.CMoveRQ, q, destination, progress)
}

func (c *Client) retrieve(ctx context.Context, field dimse.Field, q Query, destination string, progress func(Suboperations)) (done Suboperations, err error) {
	_, err = c.query(ctx, field, q, destination, func(m *dimse.Message) error {
		if err := m.Drain(drainTimeout); err != nil { // the list of failed UIDs
			return err
		}
		done = Suboperations{
			Remaining: int(m.Command.Remaining), Completed: int(m.Command.Completed),
			Failed: int(m.Command.Failed), Warning: int(m.Command.Warning),
		}
		if progress != nil {
			progress(done)
		}
		return nil
	})
	return done, err
}

// query sends a request with several responses and calls take with each. take must read the
// response's data set.
func (c *Client) query(ctx context.Context, field dimse.Field, q Query, destination string, take func(*dimse.Message) error) (status StatusError, err error) {
	id, ok := c.ids[accepted{q.SOPClassUID, q.TransferSyntaxUID}]
	if !ok {
		return status, c.Refused(q.SOPClassUID, q.TransferSyntaxUID)
	}
	if err := ctx.Err(); err != nil {
		return status, err
	}
	defer context.AfterFunc(ctx, c.conn.Kill)()
	c.messageID++
	rq := &dimse.Command{
		Field: field, AffectedSOPClassUID: q.SOPClassUID, MessageID: c.messageID, MoveDestination: destination,
		Present: dimse.AffectedSOPClassUID | dimse.MessageID | dimse.Priority,
	}
	if destination != "" {
		rq.Present |= dimse.MoveDestination
	}
	err = c.call(ctx, id, rq, bytes.NewReader(q.Identifier), c.timeout, func(m *dimse.Message) error {
		if m.Command.MessageIDBeingRespondedTo != rq.MessageID {
			c.log.Warn("response with the message ID of another request", "message_id", m.Command.MessageIDBeingRespondedTo, "want", rq.MessageID)
		}
		status = StatusError{Status: Status(m.Command.Status), Comment: comment(m.Command.ErrorComment)}
		return take(m)
	})
	switch {
	case err != nil:
		c.Abort()
		return status, withCause(ctx, err)
	case status.Status != Success && !status.Status.Warning():
		return status, &status
	}
	return status, nil
}
