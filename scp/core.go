package scp

import (
	"context"
	"io"
	"log/slog"
	"time"

	"dicomnode/internal/dimse"
	"dicomnode/internal/ul"
)

// core handles messages on both ends of an association: it performs requests of the peer,
// whichever side requested the association, and sends responses.
type core struct {
	conn     *ul.Conn
	contexts map[byte]accepted // by presentation context ID
	requests map[dimse.Field]request
	session  Session      // performs the peer's requests
	log      *slog.Logger // of the association
	stored   int          // number of stored instances
}

// accepted is an accepted presentation context.
type accepted struct{ abstractSyntax, transferSyntax string }

// request performs one request of the peer and responds to it. An error ends the association.
type request func(ctx context.Context, m *dimse.Message, pc accepted) error

// perform performs one request message of the peer.
func (c *core) perform(ctx context.Context, m *dimse.Message) error {
	pc, ok := c.contexts[m.ContextID]
	if !ok {
		return c.conn.Violation(ul.ReasonInvalidValue, "message in a presentation context that was not accepted")
	}
	field := m.Command.Field
	if field.IsResponse() {
		return c.conn.Violation(ul.ReasonNotSpecified, "response to no request")
	}
	if field == dimse.CCancelRQ { // no operation here can be cancelled (PS3.7 9.3.2.3)
		return m.Drain(drainTimeout)
	}
	if serve, ok := c.requests[field]; ok {
		return serve(ctx, m, pc)
	}
	return c.answer(m, &StatusError{Status: UnrecognizedOperation})
}

// answer reads the rest of the message and sends its final response. A nil failure means
// Success.
func (c *core) answer(m *dimse.Message, failure *StatusError) error {
	if err := m.Drain(drainTimeout); err != nil {
		return err
	}
	return c.respond(m, response(m.Command, failure), nil)
}

// respond sends a response to m. data is its data set, or nil if it has none.
func (c *core) respond(m *dimse.Message, rsp *dimse.Command, data io.Reader) error {
	return dimse.Send(c.conn, m.ContextID, rsp, data)
}

// call sends a request and calls take with each of its responses, up to the final one (PS3.7
// 7.5.1: earlier ones are pending). Requests of the peer that arrive in the meantime are
// performed. idle limits each wait for a response.
func (c *core) call(ctx context.Context, contextID byte, rq *dimse.Command, data io.Reader, idle time.Duration, take func(*dimse.Message) error) error {
	if err := dimse.Send(c.conn, contextID, rq, data); err != nil {
		c.conn.Abort()
		return err
	}
	for {
		m, err := dimse.Read(c.conn, idle)
		switch {
		case err != nil:
			return err
		case !m.Command.Field.IsResponse():
			if err := c.perform(ctx, m); err != nil {
				return err
			}
			continue
		case m.ContextID != contextID || m.Command.Field != rq.Field.Response():
			return c.conn.Violation(ul.ReasonInvalidValue, "response that does not belong to the request")
		}
		last := !manyResponses[rq.Field] || !Status(m.Command.Status).Pending()
		if err := take(m); err != nil || last {
			return err
		}
	}
}

// manyResponses are the requests with several responses: C-GET, C-FIND, C-MOVE (PS3.7 Table
// E.1-1).
var manyResponses = map[dimse.Field]bool{dimse.CGetRQ: true, dimse.CFindRQ: true, dimse.CMoveRQ: true}

// drainTimeout is the time limit for the rest of a data set that is discarded.
const drainTimeout = 2 * time.Minute

// response returns the response to a request, with its message ID and UIDs (PS3.7 Table 9.3-2).
// Invalid UIDs are left out.
func response(c *dimse.Command, failure *StatusError) *dimse.Command {
	r := &dimse.Command{
		Field: c.Field.Response(), MessageIDBeingRespondedTo: c.MessageID,
		AffectedSOPClassUID: c.AffectedSOPClassUID, AffectedSOPInstanceUID: c.AffectedSOPInstanceUID,
		ActionTypeID: c.ActionTypeID, EventTypeID: c.EventTypeID,
		Present: dimse.MessageIDBeingRespondedTo | dimse.StatusElement | c.Present&(dimse.ActionTypeID|dimse.EventTypeID),
	}
	present := c.Present
	if c.Field == dimse.NActionRQ { // the requested SOP class and instance are the affected ones (PS3.7 Table 10.3-6)
		r.AffectedSOPClassUID, r.AffectedSOPInstanceUID = c.RequestedSOPClassUID, c.RequestedSOPInstanceUID
		present = requestedAsAffected(c.Present)
	}
	if c.CheckUIDs() == nil {
		r.Present |= present & (dimse.AffectedSOPClassUID | dimse.AffectedSOPInstanceUID)
	}
	if failure == nil {
		return r
	}
	r.Status = uint16(failure.Status)
	if r.ErrorComment = comment(failure.Comment); r.ErrorComment != "" {
		r.Present |= dimse.ErrorComment
	}
	return r
}

// requestedAsAffected turns the flags of the requested UIDs into those of the affected UIDs.
func requestedAsAffected(present dimse.Elements) (affected dimse.Elements) {
	if present.Has(dimse.RequestedSOPClassUID) {
		affected |= dimse.AffectedSOPClassUID
	}
	if present.Has(dimse.RequestedSOPInstanceUID) {
		affected |= dimse.AffectedSOPInstanceUID
	}
	return affected
}

// comment converts s to a valid LO: at most 64 characters of the default repertoire without
// backslash (PS3.5 6.2).
func comment(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < 0x20 || c > 0x7E || c == '\\' {
			b[i] = '?'
		}
	}
	return string(b[:min(len(b), 64)])
}
