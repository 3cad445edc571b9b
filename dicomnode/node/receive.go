package node

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/archive"
	"dicomnode/internal/archive/index"
	"dicomnode/internal/audit"
	"dicomnode/scp"
)

// session is one association of an accepted peer.
type session struct {
	node    *Node
	called  string
	peer    configs.Peer
	purpose archive.Purpose
	address string
	stored  int64
}

// with adds the services that the peer's entry allows besides storage, only for the AE title of
// images.
func (s *session) with() scp.Session {
	asked, asks := s.peer.StorageCommitment, s.peer.CommitmentBy != ""
	switch {
	case s.purpose == archive.Dark:
		return s
	case asked && asks:
		return struct {
			reportSession
			commitSession
			*session
		}{reportSession{s}, commitSession{s}, s}
	case asked:
		return reportSession{s}
	case asks:
		return commitSession{s}
	}
	return s
}

// commitSession is a session of a peer that may request storage commitment.
type commitSession struct{ *session }

var _ scp.CommitSession = commitSession{}

// Commit stores a request; it is answered later.
func (s commitSession) Commit(ctx context.Context, transferSyntaxUID string, r io.Reader) error {
	return s.node.commitRequest(ctx, s.peer.Name, transferSyntaxUID, r)
}

// reportSession is a session of a peer that sends reports of storage commitment.
type reportSession struct{ *session }

var _ scp.CommitReportSession = reportSession{}

// CommitReport records a report.
func (s reportSession) CommitReport(ctx context.Context, _ bool, transferSyntaxUID string, r io.Reader) error {
	return s.node.commitReport(ctx, s.peer.Name, transferSyntaxUID, r)
}

// Store returns success only when the object, its row and its job are on disk.
func (s *session) Store(ctx context.Context, req scp.StoreRequest, r io.Reader) error {
	begun, purpose := time.Now(), s.purpose
	if !slices.Contains(storageSOPClasses, req.SOPClassUID) {
		purpose = archive.Keep
	}
	arrival, r := s.node.trail.Arrives(req, r)
	o, err := s.node.archive.Receive(ctx, archive.Incoming{
		SOPClassUID: req.SOPClassUID, SOPInstanceUID: req.SOPInstanceUID, TransferSyntaxUID: req.TransferSyntaxUID,
		CallingAE: s.peer.AETitle, CalledAE: s.called, Source: s.peer.Name, Purpose: purpose, Unrouted: s.node.takenByNoRoute,
	}, r)
	if err != nil {
		err = s.refuse(err)
		arrival.Refused(s.transfer(!errors.Is(err, archive.ErrDuplicate), err))
		return err
	}
	s.stored++
	fresh, message := !o.Received.Before(begun), "object received"
	if !fresh {
		message = "object is stored already"
	}
	s.node.trail.Transferred(s.transfer(fresh, nil), o)
	s.node.log.Info(message, "object", o.ID, "peer", s.peer.Name, "purpose", purpose, "modality", o.Modality,
		"bytes", o.Size, "took", time.Since(begun))
	if o.Outcome == archive.NoRoute && fresh {
		s.node.noRoute(s.node.config.Load(), o)
	}
	if o.Forgiven.Any() {
		s.node.log.Warn("object has encoding errors and was stored", "object", o.ID, "peer", s.peer.Name, "faults", o.Forgiven)
	}
	return nil
}

var _ scp.StoreRefusalSession = (*session)(nil)

// StoreRefused records a C-STORE that was refused for its command.
func (s *session) StoreRefused(req scp.StoreRequest, failure *scp.StatusError, r io.Reader) {
	err := s.refuse(failure)
	s.node.trail.Unwanted(s.transfer(true, err), req, r)
}

// transfer is a C-STORE of the peer as the audit trail has it; fresh reports whether the
// node did not have the object before. What the peer may send again with more success is
// the lesser failure: the node had no room, or the object did not arrive whole.
func (s *session) transfer(fresh bool, err error) audit.Transfer {
	t := audit.Transfer{From: audit.AE{Title: s.peer.AETitle, Address: s.address}, To: audit.AE{Title: s.called}, Fresh: fresh}
	var status *scp.StatusError
	switch {
	case err == nil:
	case errors.As(err, &status):
		t.Outcome, t.Words = audit.SeriousFailure, status.Error()
		if status.Status == scp.OutOfResources {
			t.Outcome = audit.MinorFailure
		}
	default:
		t.Outcome, t.Words = audit.MinorFailure, err.Error()
	}
	return t
}

// refuse is the C-STORE response to an error; it is logged.
func (s *session) refuse(err error) error {
	err = storeStatus(err)
	var status *scp.StatusError
	if errors.As(err, &status) {
		s.node.archive.NoteRefusal(index.Refusal{Kind: "object", Peer: s.peer.Name, CallingAE: s.peer.AETitle, CalledAE: s.called,
			Address: s.address, Status: int(status.Status), Words: status.Comment})
	}
	return err
}

// Close ends the session and records it.
func (s *session) Close() error {
	s.node.archive.NotePeer(index.Peer{Name: s.peer.Name, CallingAE: s.peer.AETitle, CalledAE: s.called, Address: s.address}, s.stored)
	return nil
}

// otherPixels answers an image with other pixels under a known SOP Instance UID: one of the
// implementation-specific codes of "cannot understand" (PS3.4 Table B.2-1). 0111 is not allowed
// for C-STORE.
const otherPixels scp.Status = 0xC111

// storeStatuses are the C-STORE statuses of errors (PS3.4 Table B.2-1, PS3.7 C.5).
var storeStatuses = []struct {
	err     error
	status  scp.Status
	comment string
}{
	{archive.ErrNoSpace, 0xA700, "no space left"},
	{archive.ErrUntrustedFiles, 0xA700, "the disk fails"},
	{archive.ErrUntrustedIndex, 0xA700, "the disk fails"},
	{archive.ErrMismatch, 0xA900, "data set does not match SOP class or instance"},
	{archive.ErrUnreadable, 0xC000, "data set cannot be read"},
	{archive.ErrDuplicate, otherPixels, "other pixels under a stored SOP Instance UID"},
}

// storeStatus is the C-STORE response to an error of the archive; the server answers 0110 to an
// error that is not listed.
func storeStatus(err error) error {
	var identity *archive.IdentityError
	if errors.As(err, &identity) {
		return &scp.StatusError{Status: scp.DataSetMismatch, Comment: identity.Error(), Err: err}
	}
	for _, s := range storeStatuses {
		if errors.Is(err, s.err) {
			return &scp.StatusError{Status: s.status, Comment: s.comment, Err: err}
		}
	}
	return err
}
