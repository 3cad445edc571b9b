package scu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// Hint is a hint for an error of associating with the destination, verifying it or sending it
// an object. It depends on which step failed.
func (d Destination) Hint(err error) string {
	var rejected *scp.RejectError
	var refused *scp.ContextError
	var answered *scp.StatusError
	var protocol *scp.ProtocolError
	var source *scp.SourceError
	var name *net.DNSError
	switch {
	case errors.As(err, &rejected):
		return d.rejectHint(rejected)
	case errors.As(err, &refused):
		return d.contextHint(refused)
	case errors.As(err, &answered):
		return d.statusHint(answered.Status)
	case errors.As(err, &protocol):
		return d.protocolHint(protocol)
	case errors.As(err, &source):
		return fmt.Sprintf("the fault is on this machine, not at %s: is its disk sound?", d.Peer.AETitle)
	case errors.As(err, &name):
		return fmt.Sprintf("this machine cannot resolve %s: write its IP address, or correct the name server", name.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("the machine answers, but nothing listens on %s: is the DICOM service running, and on that port?", d.Peer.Address)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fmt.Sprintf("there is no way to %s: is the address right, and the network up?", d.Peer.Address)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return d.silenceHint(err)
	case errors.Is(err, scp.ErrAborted), errors.Is(err, scp.ErrReleased), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Sprintf("%s ended the connection: its own log says why; it may not know this machine's address, want TLS, or be no DICOM service", d.Peer.Address)
	}
	return fmt.Sprintf("is a DICOM service listening on %s (not HTTP or TLS), and does a firewall let us through?", d.Peer.Address)
}

// unrecognizedPDU is the abort reason for unrecognized PDUs (PS3.8 Table 9-26).
const unrecognizedPDU = 1

func (d Destination) protocolHint(e *scp.ProtocolError) string {
	if e.Reason == unrecognizedPDU {
		return fmt.Sprintf("%s does not speak plain DICOM: is it the DICOM port of %s? Where TLS is spoken the peer needs tls:", d.Peer.Address, d.Peer.AETitle)
	}
	return fmt.Sprintf("what %s answers cannot be understood: its maker should see this line", d.Peer.AETitle)
}

// silenceHint is for a time-out of the connection or of a response.
func (d Destination) silenceHint(err error) string {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return fmt.Sprintf("nothing answers on %s: is the address right, and does a firewall let us through?", d.Peer.Address)
	}
	return fmt.Sprintf("%s takes the connection and does not answer: is %s hanging or very slow (network: {response_timeout: …}), or another service on that port?", d.Peer.Address, d.Peer.AETitle)
}

// rejectHint is for an A-ASSOCIATE-RJ (PS3.8 Table 9-21).
func (d Destination) rejectHint(r *scp.RejectError) string {
	same := func(o scp.RejectError) bool {
		return r.Result == o.Result && r.Source == o.Source && r.Reason == o.Reason
	}
	switch {
	case same(scp.RejectCalledAETitle):
		return fmt.Sprintf("it is not called %s: ask for its AE title and write it as ae_title of the peer", d.Peer.AETitle)
	case same(scp.RejectCallingAETitle):
		return fmt.Sprintf("it does not know AE title %s, or not from this machine's address: have it added there", d.Config.Node.AETitle)
	case r.Transient():
		return fmt.Sprintf("%s is busy or starting: it is enough to try again in a while", d.Peer.AETitle)
	}
	return fmt.Sprintf("%s answered but refused: does it know AE title %s and this machine's address?", d.Peer.AETitle, d.Config.Node.AETitle)
}

// contextHint is for the result of a presentation context (PS3.8 Table 9-18).
func (d Destination) contextHint(e *scp.ContextError) string {
	class := uid.Name(e.AbstractSyntax)
	switch {
	case e.Transient():
		return fmt.Sprintf("%s refuses %s without saying why: may AE title %s store it there?", d.Peer.AETitle, class, d.Config.Node.AETitle)
	case e.Unsupported():
		return fmt.Sprintf("have %s enabled at %s, or write for peer %s what it takes: forms: [labelmap, sc, gsps]", class, d.Peer.AETitle, d.Peer.Name)
	}
	return fmt.Sprintf("have Implicit or Explicit VR Little Endian enabled for %s at %s", class, d.Peer.AETitle)
}

// statusHint is for the status of a C-STORE response.
func (d Destination) statusHint(s scp.Status) string {
	if hint := lineOf(s).hint; hint != "" {
		return hint
	}
	return fmt.Sprintf("the log of %s says why", d.Peer.AETitle)
}
