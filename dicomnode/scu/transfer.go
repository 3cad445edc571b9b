package scu

import (
	"context"
	"io"

	"dicomnode/internal/part10"
	"dicomnode/scp"
)

// Proposal offers an object of the SOP class that is stored in a transfer syntax:
// in that one, and where no codec stands between, in Explicit and Implicit VR Little
// Endian as well (PS3.5 10.1: the last one is never left out).
func Proposal(sopClass, transferSyntax string) scp.Proposal {
	return scp.Proposal{AbstractSyntax: sopClass, TransferSyntaxes: part10.Rewritable(transferSyntax)}
}

// Store performs C-STORE of a data set r that is encoded in req.TransferSyntaxUID,
// written anew where the peer took only another transfer syntax of [Proposal]. Its
// errors are those of [scp.Client.Store].
func Store(ctx context.Context, client *scp.Client, req scp.StoreRequest, r io.Reader) (scp.Status, error) {
	stored := req.TransferSyntaxUID
	for _, ts := range part10.Rewritable(stored) {
		if !client.Accepted(req.SOPClassUID, ts) {
			continue
		}
		if ts == stored {
			break
		}
		req.TransferSyntaxUID = ts
		anew := part10.Rewritten(r, stored, ts)
		defer anew.Close()
		return client.Store(ctx, req, anew)
	}
	return client.Store(ctx, req, r)
}

// Refusal tells why the peer takes no object of the SOP class that is stored in
// this transfer syntax, however it is written; nil where it does. Of its reasons the
// one that may pass counts.
func Refusal(client *scp.Client, sopClass, transferSyntax string) *scp.ContextError {
	var why *scp.ContextError
	for _, ts := range part10.Rewritable(transferSyntax) {
		refused := client.Refused(sopClass, ts)
		if refused == nil {
			return nil
		}
		if why == nil || refused.Transient() {
			why = refused
		}
	}
	return why
}
