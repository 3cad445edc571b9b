package scu

import (
	"context"
	"io"

	"dicomnode/internal/part10"
	"dicomnode/scp"
)

// Proposal proposes an object in its transfer syntax and, unless that needs a codec, in
// Explicit and Implicit VR Little Endian as well (PS3.5 10.1 requires the latter).
func Proposal(sopClass, transferSyntax string) scp.Proposal {
	return scp.Proposal{AbstractSyntax: sopClass, TransferSyntaxes: part10.Rewritable(transferSyntax)}
}

// Store performs C-STORE of a data set r that is encoded in req.TransferSyntaxUID. It is
// converted if the peer accepted only another transfer syntax of [Proposal]. Its errors are
// those of [scp.Client.Store].
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

// Refusal returns why the peer accepts no object of the SOP class with this transfer syntax,
// even converted; nil if it does. If one of the reasons is temporary, that one is returned.
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
