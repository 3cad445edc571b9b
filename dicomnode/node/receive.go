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

// session is one association of an admitted peer.
type session struct {
	node    *Node
	called  string
	peer    configs.Peer
	purpose archive.Purpose
	address string
	stored  int64
}

// with adds the services that the peer's entry has beside storage. Only the AE title for
// images has them.
func (s *session) with() scp.Session {
	asked, asks := s.peer.StorageCommitment, s.peer.CommitmentBy != ""
	switch {
	case s.purpose == archive.Dark:
		return s
	case asked && asks:
		return struct {
			reportSession
			promiseSession
			*session
		}{reportSession{s}, promiseSession{s}, s}
	case asked:
		return reportSession{s}
	case asks:
		return promiseSession{s}
	}
	return s
}

// promiseSession is that of a peer which may ask for storage commitment.
type promiseSession struct{ *session }

var _ scp.CommitSession = promiseSession{}

// Commit keeps a request; it is answered later.
func (s promiseSession) Commit(ctx context.Context, transferSyntaxUID string, r io.Reader) error {
	return s.node.commitRequest(ctx, s.peer.Name, transferSyntaxUID, r)
}

// reportSession is that of a peer which is asked for storage commitment, and answers.
type reportSession struct{ *session }

var _ scp.CommitReportSession = reportSession{}

// CommitReport takes in an answer.
func (s reportSession) CommitReport(ctx context.Context, _ bool, transferSyntaxUID string, r io.Reader) error {
	return s.node.commitReport(ctx, s.peer.Name, transferSyntaxUID, r)
}

// Store answers success only when the archive has the object on disk, its row and
// its job.
func (s *session) Store(ctx context.Context, req scp.StoreRequest, r io.Reader) error {
	begun, purpose := time.Now(), s.purpose
	if !slices.Contains(storageSOPClasses, req.SOPClassUID) {
		purpose = archive.Keep
	}
	o, err := s.node.archive.Receive(ctx, archive.Incoming{
		SOPClassUID: req.SOPClassUID, SOPInstanceUID: req.SOPInstanceUID, TransferSyntaxUID: req.TransferSyntaxUID,
		CallingAE: s.peer.AETitle, CalledAE: s.called, Source: s.peer.Name, Purpose: purpose, Unrouted: s.node.takesNone,
	}, r)
	if err != nil {
		return s.refuse(err)
	}
	s.stored++
	s.node.trail.Transferred(audit.AE{Title: s.peer.AETitle, Address: s.address}, audit.AE{Title: s.called}, !o.Received.Before(begun), o)
	message := "object received"
	if o.Received.Before(begun) {
		message = "object is stored already"
	}
	s.node.log.Info(message, "object", o.ID, "peer", s.peer.Name, "purpose", purpose, "modality", o.Modality,
		"bytes", o.Size, "took", time.Since(begun))
	if o.Outcome == archive.NoRoute && !o.Received.Before(begun) {
		s.node.noRoute(s.node.config.Load(), o)
	}
	if o.Forgiven.Any() {
		s.node.log.Warn("object has encoding errors and was stored", "object", o.ID, "peer", s.peer.Name, "faults", o.Forgiven)
	}
	return nil
}

// refuse is the C-STORE response for an error, which is noted.
func (s *session) refuse(err error) error {
	err = storeStatus(err)
	var status *scp.StatusError
	if errors.As(err, &status) {
		s.node.archive.NoteRefusal(index.Refusal{Kind: "object", Peer: s.peer.Name, CallingAE: s.peer.AETitle, CalledAE: s.called,
			Address: s.address, Status: int(status.Status), Words: status.Comment})
	}
	return err
}

// Close ends the session; what the peer did is noted.
func (s *session) Close() error {
	s.node.archive.NotePeer(index.Peer{Name: s.peer.Name, CallingAE: s.peer.AETitle, CalledAE: s.called, Address: s.address}, s.stored)
	return nil
}

// otherPixels answers another image under a SOP Instance UID that is taken: one of
// the implementation-specific codes of "cannot understand" (PS3.4 Table B.2-1).
// 0111 is not for C-STORE.
const otherPixels scp.Status = 0xC111

// storeStatuses says what the peer hears (PS3.4 Table B.2-1, PS3.7 C.5).
var storeStatuses = []struct {
	err     error
	status  scp.Status
	comment string
}{
	{archive.ErrNoSpace, 0xA700, "no space left"},
	{archive.ErrMismatch, 0xA900, "data set does not match SOP class or instance"},
	{archive.ErrUnreadable, 0xC000, "data set cannot be read"},
	{archive.ErrDuplicate, otherPixels, "other pixels under a stored SOP Instance UID"},
}

// storeStatus is the C-STORE response for an archive error; one that is not
// listed is answered 0110 by the server.
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
