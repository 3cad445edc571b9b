package node

import (
	"context"
	"errors"
	"io"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/archive"
	"dicomnode/scp"
)

// session is one association of an admitted peer.
type session struct {
	node    *Node
	called  string
	peer    configs.Peer
	purpose archive.Purpose
	stored  int64
}

// Store answers success only when the archive has the object, its row and its
// job on disk.
func (s *session) Store(ctx context.Context, req scp.StoreRequest, r io.Reader) error {
	begun := time.Now()
	o, err := s.node.archive.Receive(ctx, archive.Incoming{
		SOPClassUID: req.SOPClassUID, SOPInstanceUID: req.SOPInstanceUID, TransferSyntaxUID: req.TransferSyntaxUID,
		CallingAE: s.peer.AETitle, CalledAE: s.called, Source: s.peer.Name, Purpose: s.purpose,
	}, r)
	if err != nil {
		return storeStatus(err)
	}
	s.stored++
	message := "object received"
	if o.Received.Before(begun) {
		message = "object is stored already"
	}
	s.node.log.Info(message, "object", o.ID, "peer", s.peer.Name, "purpose", s.purpose, "modality", o.Modality,
		"bytes", o.Size, "took", time.Since(begun))
	return nil
}

// Close ends the session; nothing outlives the association.
func (s *session) Close() error { return nil }

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
	for _, s := range storeStatuses {
		if errors.Is(err, s.err) {
			return &scp.StatusError{Status: s.status, Comment: s.comment, Err: err}
		}
	}
	return err
}
