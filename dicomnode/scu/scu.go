// Package scu is the node as a Service Class User (PS3.7 6.5): it associates with the
// peers of a configuration, verifies them (C-ECHO) and sends them files (C-STORE), and
// says what a C-STORE status means. When what is sent, and again after a failure, is its
// callers' matter.
package scu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/hint"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// NewDialer associates as the configuration says.
func NewDialer(c configs.Config) *scp.Dialer {
	return &scp.Dialer{
		Calling: c.Node.AETitle, MaxPDULength: c.Network.MaxPDULength, DialTimeout: c.Network.ConnectTimeout,
		AssociationTimeout: c.Network.RequestTimeout, ResponseTimeout: c.Network.ResponseTimeout, ReadTimeout: c.Network.ReadTimeout, WriteTimeout: c.Network.WriteTimeout,
	}
}

// Addr is the application entity of a peer.
func Addr(p configs.Peer) scp.Addr { return scp.Addr{AETitle: p.AETitle, Host: p.Address} }

// Destination is a peer, and the configuration under which it is called.
type Destination struct {
	Config configs.Config
	Peer   configs.Peer
}

// Dial associates with the destination. Its errors have a hint.
func (d Destination) Dial(ctx context.Context, proposals ...scp.Proposal) (*scp.Client, error) {
	id, err := Identity(d.Config.TLS)
	if err != nil {
		return nil, err
	}
	client, err := Secure(NewDialer(d.Config), id, d.Peer).Dial(ctx, Addr(d.Peer), proposals...)
	if err != nil {
		return nil, hint.Add(fmt.Errorf("associate with %s: %w", d.Peer.Name, err), dialHint(err, d))
	}
	return client, nil
}

// dialHint says where to look, by how far the association came.
func dialHint(err error, d Destination) string {
	var rejected *scp.RejectError
	var name *net.DNSError
	switch {
	case errors.As(err, &rejected):
		return rejectHint(rejected, d)
	case errors.As(err, &name):
		return fmt.Sprintf("this machine cannot resolve %s: write its IP address, or mend the name server", name.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("the machine answers, but nothing listens on %s: is the DICOM service running, and on that port?", d.Peer.Address)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fmt.Sprintf("there is no way to %s: is the address right, and the network up?", d.Peer.Address)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Sprintf("nothing answers on %s: is the address right, and does a firewall let us through?", d.Peer.Address)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return fmt.Sprintf("%s closed the connection: it may not know this machine's address, or want TLS", d.Peer.Address)
	}
	return fmt.Sprintf("is a DICOM service listening on %s (not HTTP or TLS), and does a firewall let us through?", d.Peer.Address)
}

// rejectHint reads an A-ASSOCIATE-RJ (PS3.8 Table 9-21).
func rejectHint(r *scp.RejectError, d Destination) string {
	same := func(o scp.RejectError) bool {
		return r.Result == o.Result && r.Source == o.Source && r.Reason == o.Reason
	}
	switch {
	case same(scp.RejectCalledAETitle):
		return fmt.Sprintf("it is not called %s: ask for its AE title and write it as ae_title of the peer", d.Peer.AETitle)
	case same(scp.RejectCallingAETitle):
		return fmt.Sprintf("it does not know AE title %s, or not from this machine's address: have it added there", d.Config.Node.AETitle)
	case r.Transient():
		return fmt.Sprintf("%s is busy or starting: try again in a while", d.Peer.AETitle)
	}
	return fmt.Sprintf("%s answered but refused: does it know AE title %s and this machine's address?", d.Peer.AETitle, d.Config.Node.AETitle)
}

// Echo verifies the destination (PS3.4 A) and returns how long it took, with the
// association.
func (d Destination) Echo(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	client, err := d.Dial(ctx, scp.Proposal{AbstractSyntax: uid.Verification, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}})
	if err != nil {
		return 0, err
	}
	defer client.Abort() // no effect after Release
	if err := client.Echo(ctx); err != nil {
		return 0, fmt.Errorf("verify %s: %w", d.Peer.Name, err)
	}
	return time.Since(begun), client.Release(ctx)
}
