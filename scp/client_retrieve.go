package scp

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
)

// Query names a C-FIND, C-GET or C-MOVE: its SOP class (PS3.4 C.3), the transfer
// syntax of an accepted presentation context, and the Identifier encoded in it.
type Query struct {
	SOPClassUID       string
	TransferSyntaxUID string
	Identifier        []byte
}

// Suboperations counts what a C-GET or C-MOVE did (PS3.7 9.1.3, 9.1.4).
type Suboperations struct{ Remaining, Completed, Failed, Warning int }

// maxIdentifier is the longest Identifier of a match that is read, bytes.
const maxIdentifier = 1 << 20

// Find performs C-FIND (PS3.7 9.1.2) and gives the Identifier of each match to
// each, which may keep it. A *StatusError is how the peer ended the query; after
// any other error, one of each included, the association is gone.
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

// Get performs C-GET (PS3.7 9.1.3): the peer stores what matches on this
// association, with the Dialer's Session, where it granted the SCP role for the SOP
// class (PS3.7 D.3.3.4). progress, which may be nil, is called for each response. Errors
// are as for [Client.Find]; status B000, that some instances were not sent, is none.
func (c *Client) Get(ctx context.Context, q Query, progress func(Suboperations)) (Suboperations, error) {
	return c.retrieve(ctx, dimse.CGetRQ, q, "", progress)
}

// Move performs C-MOVE (PS3.7 9.1.4): the peer stores what matches at the
// application entity called destination, which it must know. Otherwise it is as
// [Client.Get].
func (c *Client) Move(ctx context.Context, q Query, destination string, progress func(Suboperations)) (Suboperations, error) {
	if err := uid.CheckAETitle(destination); err != nil {
		return Suboperations{}, fmt.Errorf("move destination: %w", err)
	}
	return c.retrieve(ctx, dimse.CMoveRQ, q, destination, progress)
}

func (c *Client) retrieve(ctx context.Context, field dimse.Field, q Query, destination string, progress func(Suboperations)) (done Suboperations, err error) {
	_, err = c.query(ctx, field, q, destination, func(m *dimse.Message) error {
		if err := m.Drain(drainTimeout); err != nil { // the UIDs that failed
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

// query sends a request with several responses and gives each to take, which must
// read its data set.
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
		return status, because(ctx, err)
	case status.Status != Success && !status.Status.Warning():
		return status, &status
	}
	return status, nil
}
