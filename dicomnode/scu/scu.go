// Package scu is the node as a Service Class User (PS3.7 6.5): it associates with the peers of
// a configuration, verifies them (C-ECHO), sends files (C-STORE), and interprets C-STORE
// statuses. It does not decide what is sent when, nor retry.
package scu

import (
	"context"
	"fmt"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/dicomtls"
	"dicomnode/internal/hint"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// NewDialer is a dialer with the settings of the configuration.
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
	Config   configs.Config
	Peer     configs.Peer
	Identity *dicomtls.Identity // nil: Dial loads what Config names, each time
	Note     func(error)        // gets what went wrong and does not matter; nil ignores it
}

// Dial associates with the destination. Its errors have a hint.
func (d Destination) Dial(ctx context.Context, proposals ...scp.Proposal) (*scp.Client, error) {
	id, err := d.Identity, error(nil)
	if id == nil {
		id, err = Identity(d.Config.TLS)
	}
	if err != nil {
		return nil, err
	}
	client, err := Secure(NewDialer(d.Config), id, d.Peer).Dial(ctx, Addr(d.Peer), proposals...)
	if err != nil {
		return nil, hint.Add(fmt.Errorf("associate with %s: %w", d.Peer.Name, err), d.Hint(err))
	}
	return client, nil
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
		return 0, hint.Add(fmt.Errorf("verify %s: %w", d.Peer.Name, err), d.Hint(err))
	}
	took := time.Since(begun)
	d.release(ctx, client)
	return took, nil
}

// release ends an association. How the peer takes it changes nothing of what it has answered
// before, so an error is only noted.
func (d Destination) release(ctx context.Context, client *scp.Client) {
	if err := client.Release(ctx); err != nil && d.Note != nil {
		d.Note(fmt.Errorf("the association with %s did not end by A-RELEASE: %w", d.Peer.Name, err))
	}
}
