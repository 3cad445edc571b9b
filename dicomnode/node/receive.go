package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/archive"
	"dicomnode/scp"
)

// resolveTime bounds the look-up of a peer's host name.
const resolveTime = 2 * time.Second

// NewSession admits the application entities that the configuration lists, from
// their addresses only, and says in the log which line would admit the others.
func (n *Node) NewSession(ctx context.Context, p scp.Peer) (scp.Session, error) {
	c := n.config.Load()
	purpose := archive.Segment
	switch p.Called {
	case c.Node.AETitle:
	case c.Calibration.AETitle:
		purpose = archive.Dark
	default:
		return nil, refuse(scp.RejectCalledAETitle, fmt.Sprintf("nobody here is called %q", p.Called),
			fmt.Sprintf("call %s, or set node: {ae_title: %q}", c.Node.AETitle, p.Called))
	}
	peer, err := admit(ctx, c, p)
	if err != nil {
		return nil, refuse(scp.RejectCallingAETitle, err.Error(), admittingLine(p))
	}
	if purpose == archive.Segment && !routed(c, peer.Name) {
		purpose = archive.Keep
	}
	return &session{node: n, called: p.Called, peer: peer, purpose: purpose}, nil
}

// refuse is an A-ASSOCIATE-RJ. Its text, which the server logs, says why
// and what would admit the peer.
func refuse(r scp.RejectError, why, admit string) error {
	r.Err = fmt.Errorf("%s; to admit it: %s", why, admit)
	return &r
}

// admittingLine is the line of the configuration that would admit p.
func admittingLine(p scp.Peer) string {
	return fmt.Sprintf("peers: - {name: NAME, ae_title: %q, address: %q}", p.Calling, p.Remote.Addr().Unmap())
}

// admit finds the peer that calls itself so and lives at that address.
func admit(ctx context.Context, c *configs.Config, p scp.Peer) (configs.Peer, error) {
	why := fmt.Errorf("no peer has AE title %q", p.Calling)
	for _, peer := range c.Peers {
		if peer.AETitle != p.Calling {
			continue
		}
		ok, named := peer.Admits(p.Remote.Addr())
		if ok || named && resolves(ctx, peer.Host(), p.Remote.Addr()) {
			return peer, nil
		}
		why = fmt.Errorf("peer %s has AE title %q but its address is %s", peer.Name, peer.AETitle, peer.Host())
	}
	return configs.Peer{}, why
}

// resolves reports whether the host name has that address now.
func resolves(ctx context.Context, host string, addr netip.Addr) bool {
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(found, func(a netip.Addr) bool { return a.Unmap() == addr.Unmap() })
}

// routed reports whether any route takes images of the peer.
func routed(c *configs.Config, peer string) bool {
	return slices.ContainsFunc(c.Routes, func(r configs.Route) bool {
		return r.Takes(peer)
	})
}

// session is one association of an admitted peer.
type session struct {
	node    *Node
	called  string
	peer    configs.Peer
	purpose archive.Purpose
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
	s.node.log.Info("object received", "object", o.ID, "peer", s.peer.Name, "purpose", s.purpose, "modality", o.Modality,
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
