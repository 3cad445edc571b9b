package scp

import (
	"context"
	"errors"
	"fmt"
	"io"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
)

// Store performs C-STORE (PS3.7 9.1.1). r is the data set, without file meta information, in
// req.TransferSyntaxUID. Store sets req.MessageID. It returns the peer's status. The error is
// nil for Success and warnings, and a *StatusError with the peer's Error Comment for every
// other status, and wraps a *SourceError if reading r failed. After any error other than a *StatusError or *ContextError the association has
// ended.
func (c *Client) Store(ctx context.Context, req StoreRequest, r io.Reader) (Status, error) {
	id, ok := c.ids[accepted{req.SOPClassUID, req.TransferSyntaxUID}]
	if !ok {
		return 0, c.Refused(req.SOPClassUID, req.TransferSyntaxUID)
	}
	if err := uid.Check(req.SOPInstanceUID); err != nil {
		return 0, fmt.Errorf("store: SOP instance: %w", err)
	}
	rq := &dimse.Command{
		Field: dimse.CStoreRQ, AffectedSOPClassUID: req.SOPClassUID, AffectedSOPInstanceUID: req.SOPInstanceUID, Priority: req.Priority,
		MoveOriginatorAETitle: req.MoveOriginatorAETitle, MoveOriginatorMessageID: req.MoveOriginatorMessageID,
		Present: dimse.AffectedSOPClassUID | dimse.AffectedSOPInstanceUID | dimse.Priority,
	}
	if req.MoveOriginatorAETitle != "" {
		rq.Present |= dimse.MoveOriginatorAETitle | dimse.MoveOriginatorMessageID
	}
	if req.TransferSyntaxUID == uid.DeflatedExplicitVRLittleEndian {
		r = &padded{r: r}
	}
	status, err := c.request(ctx, id, rq, r)
	if err == nil && status.Status.Failure() {
		err = &status
	}
	return status.Status, err
}

// padded pads a deflated data set of odd length with a zero byte (PS3.5 A.5). Many files lack
// this byte, and some peers abort without it.
type padded struct {
	r   io.Reader
	odd bool
}

func (e *padded) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := e.r.Read(p)
	e.odd = e.odd != (n%2 == 1)
	if !errors.Is(err, io.EOF) || !e.odd {
		return n, err
	}
	if n == len(p) {
		return n, nil // the reader returns io.EOF again
	}
	p[n], e.odd = 0, false
	return n + 1, io.EOF
}
