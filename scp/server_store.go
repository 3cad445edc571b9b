package scp

import (
	"context"
	"errors"
	"time"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
)

// drainTimeout bounds how long the rest of a data set that nobody wants may
// take to arrive.
const drainTimeout = 2 * time.Minute

// services are the requests a Server performs, by Command Field.
var services = map[dimse.Field]func(*association, context.Context, *dimse.Message, accepted) error{
	dimse.CEchoRQ:  (*association).echo,
	dimse.CStoreRQ: (*association).store,
}

// perform answers one message. An error ends the association.
func (a *association) perform(ctx context.Context, m *dimse.Message) error {
	pc, ok := a.contexts[m.ContextID]
	if !ok {
		return a.conn.Violation(ul.ReasonInvalidValue, "message in a presentation context that was not accepted")
	}
	field := m.Command.Field
	if field.IsResponse() {
		return a.conn.Violation(ul.ReasonNotSpecified, "response to no request")
	}
	if field == dimse.CCancelRQ { // nothing here can be cancelled (PS3.7 9.3.2.3)
		return m.Drain(drainTimeout)
	}
	if service, ok := services[field]; ok {
		return service(a, ctx, m, pc)
	}
	return a.answer(m, &StatusError{Status: UnrecognizedOperation})
}

// echo is C-ECHO (PS3.7 9.1.5).
func (a *association) echo(_ context.Context, m *dimse.Message, pc accepted) error {
	if m.Command.AffectedSOPClassUID != pc.abstractSyntax || pc.abstractSyntax != uid.Verification {
		return a.answer(m, &StatusError{Status: SOPClassNotSupported, Comment: "SOP class is not that of the context"})
	}
	return a.answer(m, nil)
}

// store is C-STORE (PS3.7 9.1.1). Whatever happens, the response is sent only
// after the whole data set has arrived.
func (a *association) store(ctx context.Context, m *dimse.Message, pc accepted) error {
	begun := time.Now()
	req, refused := storeRequest(m, pc)
	if refused != nil {
		a.log.Warn("instance refused", "sop_class", uid.Name(pc.abstractSyntax), "error", refused)
		return a.answer(m, refused)
	}
	stored := a.session.Store(ctx, req, m.Dataset)
	if err := m.Drain(drainTimeout); err != nil {
		if stored == nil || errors.Is(stored, err) {
			return err
		}
		return errors.Join(err, stored)
	}
	log := a.log.With("sop_class", uid.Name(req.SOPClassUID), "bytes", m.Bytes(), "took", time.Since(begun))
	failure := statusOf(stored)
	switch {
	case failure == nil:
		a.stored++
		log.Debug("instance stored")
	case failure.Status.Warning():
		a.stored++
		log.Warn("instance stored with warning", "status", failure.Status.String(), "error", stored)
	default:
		log.Error("instance not stored", "status", failure.Status.String(), "error", stored)
	}
	return a.answer(m, failure)
}

// statusOf tells what the peer hears of the outcome of a Store; nil is Success.
// An error never becomes a Success.
func statusOf(stored error) *StatusError {
	if stored == nil {
		return nil
	}
	var failure *StatusError
	switch {
	case !errors.As(stored, &failure):
		return &StatusError{Status: ProcessingFailure}
	case failure.Status == Success:
		return &StatusError{Status: ProcessingFailure, Err: failure.Err}
	}
	return failure
}

// storeRequest checks the command of a C-STORE-RQ (PS3.7 Table 9.3-1) against
// its presentation context. The UIDs are safe to use as keys afterwards.
func storeRequest(m *dimse.Message, pc accepted) (StoreRequest, *StatusError) {
	c := m.Command
	req := StoreRequest{
		SOPClassUID: c.AffectedSOPClassUID, SOPInstanceUID: c.AffectedSOPInstanceUID, TransferSyntaxUID: pc.transferSyntax,
		MessageID: c.MessageID, Priority: c.Priority,
		MoveOriginatorAETitle: c.MoveOriginatorAETitle, MoveOriginatorMessageID: c.MoveOriginatorMessageID,
	}
	switch {
	case req.SOPClassUID == "" || req.SOPInstanceUID == "":
		return req, &StatusError{Status: MissingAttribute, Comment: "affected SOP class or instance UID is missing"}
	case c.CheckUIDs() != nil:
		return req, &StatusError{Status: InvalidSOPInstance, Comment: "affected SOP class or instance UID is no UID", Err: c.CheckUIDs()}
	case req.SOPClassUID != pc.abstractSyntax || pc.abstractSyntax == uid.Verification:
		return req, &StatusError{Status: SOPClassNotSupported, Comment: "SOP class is not that of the context"}
	case m.Dataset == nil:
		return req, &StatusError{Status: CannotUnderstand, Comment: "C-STORE without data set"}
	}
	return req, nil
}

// answer reads what is left of the message and sends its response:
// Success when failure is nil.
func (a *association) answer(m *dimse.Message, failure *StatusError) error {
	if err := m.Drain(drainTimeout); err != nil {
		return err
	}
	return dimse.Send(a.conn, m.ContextID, response(m.Command, failure), nil)
}

// response echoes message ID and UIDs of the request (PS3.7 Table 9.3-2). UIDs
// that are none are not repeated.
func response(c *dimse.Command, failure *StatusError) *dimse.Command {
	r := &dimse.Command{
		Field: c.Field.Response(), MessageIDBeingRespondedTo: c.MessageID,
		AffectedSOPClassUID: c.AffectedSOPClassUID, AffectedSOPInstanceUID: c.AffectedSOPInstanceUID,
		Present: dimse.MessageIDBeingRespondedTo | dimse.StatusElement,
	}
	if c.CheckUIDs() == nil {
		r.Present |= c.Present & (dimse.AffectedSOPClassUID | dimse.AffectedSOPInstanceUID)
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

// comment cuts to what VR LO holds: 64 characters of the default repertoire
// without backslash (PS3.5 6.2).
func comment(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < 0x20 || c > 0x7E || c == '\\' {
			b[i] = '?'
		}
	}
	return string(b[:min(len(b), 64)])
}
