package scp

import (
	"context"
	"errors"
	"time"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
)

// performed returns the requests that either end performs with its session, by Command Field.
func (c *core) performed() map[dimse.Field]request {
	return map[dimse.Field]request{dimse.CEchoRQ: c.echo, dimse.CStoreRQ: c.store,
		dimse.NActionRQ: c.action, dimse.NEventReportRQ: c.eventReport}
}

// echo performs C-ECHO (PS3.7 9.1.5).
func (c *core) echo(_ context.Context, m *dimse.Message, pc accepted) error {
	if m.Command.AffectedSOPClassUID != pc.abstractSyntax || pc.abstractSyntax != uid.Verification {
		return c.answer(m, &StatusError{Status: SOPClassNotSupported, Comment: "SOP class is not that of the context"})
	}
	return c.answer(m, nil)
}

// store performs C-STORE (PS3.7 9.1.1). In all cases the response is sent only after the whole
// data set has arrived.
func (c *core) store(ctx context.Context, m *dimse.Message, pc accepted) error {
	begun := time.Now()
	req, refused := storeRequest(m, pc)
	if refused != nil {
		c.log.Warn("instance refused", "sop_class", uid.Name(pc.abstractSyntax), "error", refused)
		if told, ok := c.session.(StoreRefusalSession); ok {
			told.StoreRefused(req, refused, m.Dataset)
		}
		return c.answer(m, refused)
	}
	stored := c.session.Store(ctx, req, m.Dataset)
	if err := m.Drain(drainTimeout); err != nil {
		if stored == nil || errors.Is(stored, err) {
			return err
		}
		return errors.Join(err, stored)
	}
	log := c.log.With("sop_class", uid.Name(req.SOPClassUID), "bytes", m.Bytes(), "took", time.Since(begun))
	failure := statusOf(stored)
	switch {
	case failure == nil:
		c.stored++
		log.Debug("instance stored")
	case failure.Status.Warning():
		c.stored++
		log.Warn("instance stored with warning", "status", failure.Status.String(), "error", stored)
	default:
		log.Error("instance not stored", "status", failure.Status.String(), "error", stored)
	}
	return c.answer(m, failure)
}

// statusOf returns the response to the error of a Store; nil means Success. An error never
// becomes a Success.
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

// storeRequest checks the command of a C-STORE-RQ (PS3.7 Table 9.3-1) against its presentation
// context. Its UIDs are safe to use as keys afterwards.
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
	case req.SOPClassUID != pc.abstractSyntax || pc.abstractSyntax == uid.Verification || pc.abstractSyntax == uid.StorageCommitmentPushModel:
		return req, &StatusError{Status: SOPClassNotSupported, Comment: "SOP class is not that of the context"}
	case m.Dataset == nil:
		return req, &StatusError{Status: CannotUnderstand, Comment: "C-STORE without data set"}
	}
	return req, nil
}
