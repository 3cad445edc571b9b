package scp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
)

// CommitSession is a [Session] that accepts requests for storage commitment, as SCP (PS3.4
// J.3.2). A Server accepts the SOP class only if its sessions implement this interface or
// [CommitReportSession].
type CommitSession interface {
	Session
	// Commit performs an N-ACTION. r is the action information (PS3.4 Table J.3-1) in the
	// transfer syntax. It returns nil only when the request is stored on disk. Whether the
	// instances are committed is reported later, by [Client.ReportCommitment]. Errors are those
	// of [Session.Store].
	Commit(ctx context.Context, transferSyntaxUID string, r io.Reader) error
}

// CommitReportSession is a [Session] that receives results of storage commitment, as SCU (PS3.4
// J.3.3).
type CommitReportSession interface {
	Session
	// CommitReport performs an N-EVENT-REPORT. r is the event information (PS3.4 Table J.3-2)
	// in the transfer syntax; failures says that some instances were not committed. It returns
	// nil only when the result is stored on disk. Errors are those of [Session.Store].
	CommitReport(ctx context.Context, failures bool, transferSyntaxUID string, r io.Reader) error
}

// Type IDs of the Storage Commitment Push Model (PS3.4 Tables J.3-1 and J.3-2).
const (
	actionRequestCommitment uint16 = 1
	eventAllCommitted       uint16 = 1
	eventFailuresExist      uint16 = 2
)

// serves reports whether the session can perform requests for a SOP class.
func (c *core) serves(abstractSyntax string) bool {
	if abstractSyntax != uid.StorageCommitmentPushModel {
		return true
	}
	_, commits := c.session.(CommitSession)
	_, learns := c.session.(CommitReportSession)
	return commits || learns
}

// action performs N-ACTION (PS3.7 10.1.4), which only storage commitment uses here.
func (c *core) action(ctx context.Context, m *dimse.Message, pc accepted) error {
	session, ok := c.session.(CommitSession)
	rq := m.Command
	refused := ofCommitment(pc, rq.RequestedSOPClassUID, rq.RequestedSOPInstanceUID, m)
	switch {
	case refused == nil && !ok:
		refused = &StatusError{Status: UnrecognizedOperation}
	case refused == nil && rq.ActionTypeID != actionRequestCommitment:
		refused = &StatusError{Status: NoSuchAction}
	}
	return c.performN(m, "storage commitment requested", refused, func() error {
		return session.Commit(ctx, pc.transferSyntax, m.Dataset)
	})
}

// eventReport performs N-EVENT-REPORT (PS3.7 10.1.1), which only storage commitment uses here.
func (c *core) eventReport(ctx context.Context, m *dimse.Message, pc accepted) error {
	session, ok := c.session.(CommitReportSession)
	rq := m.Command
	refused := ofCommitment(pc, rq.AffectedSOPClassUID, rq.AffectedSOPInstanceUID, m)
	switch {
	case refused == nil && !ok:
		refused = &StatusError{Status: UnrecognizedOperation}
	case refused == nil && rq.EventTypeID != eventAllCommitted && rq.EventTypeID != eventFailuresExist:
		refused = &StatusError{Status: NoSuchEventType}
	}
	return c.performN(m, "storage commitment reported", refused, func() error {
		return session.CommitReport(ctx, rq.EventTypeID == eventFailuresExist, pc.transferSyntax, m.Dataset)
	})
}

// ofCommitment checks the common part of both requests: SOP class and well-known instance
// (PS3.4 J.3.5), and that there is a data set.
func ofCommitment(pc accepted, class, instance string, m *dimse.Message) *StatusError {
	switch {
	case pc.abstractSyntax != uid.StorageCommitmentPushModel:
		return &StatusError{Status: UnrecognizedOperation, Comment: "not of the context's SOP class"}
	case class != uid.StorageCommitmentPushModel:
		return &StatusError{Status: NoSuchSOPClass, Comment: "SOP class is not that of the context"}
	case instance != uid.StorageCommitmentPushModelInstance:
		return &StatusError{Status: NoSuchSOPInstance, Comment: "not the well-known SOP instance"}
	case m.Dataset == nil:
		return &StatusError{Status: InvalidArgumentValue, Comment: "no data set"}
	}
	return nil
}

// performN answers a DIMSE-N request, after do has performed it unless it is refused.
func (c *core) performN(m *dimse.Message, what string, refused *StatusError, do func() error) error {
	var done error
	if refused == nil {
		done = do()
		if err := m.Drain(drainTimeout); err != nil {
			return errors.Join(err, done)
		}
		refused = statusOf(done)
	}
	if refused != nil {
		c.log.Warn(what+", refused", "status", refused.Status.String(), "error", refused)
	} else {
		c.log.Info(what)
	}
	return c.answer(m, refused)
}

// RequestCommitment performs the N-ACTION that requests storage commitment of the peer (PS3.4
// J.3.2). r is the action information in the transfer syntax. The error is nil only for
// Success, and a *StatusError for any other status.
func (c *Client) RequestCommitment(ctx context.Context, transferSyntaxUID string, r io.Reader) error {
	return c.commitment(ctx, transferSyntaxUID, r, &dimse.Command{
		Field: dimse.NActionRQ, RequestedSOPClassUID: uid.StorageCommitmentPushModel,
		RequestedSOPInstanceUID: uid.StorageCommitmentPushModelInstance, ActionTypeID: actionRequestCommitment,
		Present: dimse.RequestedSOPClassUID | dimse.RequestedSOPInstanceUID | dimse.ActionTypeID,
	})
}

// ReportCommitment performs the N-EVENT-REPORT that sends the peer the result of storage
// commitment (PS3.4 J.3.3). r is the event information in the transfer syntax; failures says
// that some instances were not committed. The error is nil only for Success, and a *StatusError
// for any other status.
func (c *Client) ReportCommitment(ctx context.Context, failures bool, transferSyntaxUID string, r io.Reader) error {
	event := eventAllCommitted
	if failures {
		event = eventFailuresExist
	}
	return c.commitment(ctx, transferSyntaxUID, r, &dimse.Command{
		Field: dimse.NEventReportRQ, AffectedSOPClassUID: uid.StorageCommitmentPushModel,
		AffectedSOPInstanceUID: uid.StorageCommitmentPushModelInstance, EventTypeID: event,
		Present: dimse.AffectedSOPClassUID | dimse.AffectedSOPInstanceUID | dimse.EventTypeID,
	})
}

func (c *Client) commitment(ctx context.Context, transferSyntaxUID string, r io.Reader, rq *dimse.Command) error {
	id, ok := c.ids[accepted{uid.StorageCommitmentPushModel, transferSyntaxUID}]
	if !ok {
		return c.Refused(uid.StorageCommitmentPushModel, transferSyntaxUID)
	}
	status, err := c.request(ctx, id, rq, r)
	if err == nil && status.Status != Success {
		err = &status
	}
	return err
}

// Listen performs the peer's requests with the Session of the Dialer, until none has arrived
// for idle, or enough returns true. It returns ErrReleased if the peer has released the
// association.
func (c *Client) Listen(ctx context.Context, idle time.Duration, enough func() bool) error {
	defer context.AfterFunc(ctx, c.conn.Kill)()
	for !enough() {
		ready, err := c.conn.Ready(idle)
		if err == nil && !ready {
			return nil
		}
		var m *dimse.Message
		if err == nil {
			m, err = dimse.Read(c.conn, idle)
		}
		if err == nil {
			err = c.perform(ctx, m)
		}
		if errors.Is(err, ErrReleased) {
			return ErrReleased
		}
		if err != nil {
			return withCause(ctx, fmt.Errorf("perform requests of the peer: %w", err))
		}
	}
	return nil
}
