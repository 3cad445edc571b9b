package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/archive"
	"dicomnode/internal/archive/index"
	"dicomnode/internal/audit"
	"dicomnode/scp"
)

// resolveTime limits the lookup of a peer's host name.
const resolveTime = 2 * time.Second

// errUnresolved means that the host name of a peer does not resolve at the moment; it may when
// the peer tries again.
var errUnresolved = errors.New("its host name does not resolve")

// NewSession accepts the application entities of the configuration, from their addresses only.
// For others the log has the line that would admit them, and the rejection is recorded.
func (n *Node) NewSession(ctx context.Context, p scp.Peer) (scp.Session, error) {
	s, err := n.newSession(ctx, p)
	var refused *scp.RejectError
	if errors.As(err, &refused) {
		n.Refused(p, refused)
		n.archive.NoteRefusal(index.Refusal{Kind: "association", CallingAE: p.Calling, CalledAE: p.Called,
			Address: p.Remote.Addr().Unmap().String(), Status: int(refused.Reason), Words: refused.Err.Error()})
	}
	if err != nil {
		return nil, err
	}
	return s.with(), nil
}

var _ scp.RefusalBackend = (*Node)(nil)

// Refused notes in the audit trail a peer that was not admitted, or whose TLS handshake failed.
// A refusal for now, such as a drain, a limit or a failing name server, is no alert.
func (n *Node) Refused(p scp.Peer, err error) {
	var refused *scp.RejectError
	switch {
	case !errors.As(err, &refused):
	case refused.Transient():
		return
	case refused.Err != nil:
		err = refused.Err
	}
	n.trail.Refused(audit.AE{Title: p.Calling, Address: p.Remote.Addr().Unmap().String()}, err.Error())
}

func (n *Node) newSession(ctx context.Context, p scp.Peer) (*session, error) {
	if asked := n.drain.asked.Load(); asked != nil {
		return nil, reject(scp.RejectForNow, "the node is drained since %s, by %s; \"dicomnode drain --end\" or a restart lets it receive again",
			asked.Since.Format(time.DateTime), asked.Who)
	}
	c := n.config.Load()
	purpose := archive.Segment
	switch p.Called {
	case c.Node.AETitle:
	case c.Calibration.AETitle:
		purpose = archive.Dark
	default:
		return nil, reject(scp.RejectCalledAETitle, "nobody here is called %q; call %s, or set node: {ae_title: %s}",
			p.Called, c.Node.AETitle, yamlQuoted(p.Called))
	}
	peer, err := n.admit(ctx, c, p)
	if err != nil {
		return nil, err
	}
	if err := n.checkCertificate(peer, p); err != nil {
		return nil, reject(scp.RejectCallingAETitle, "peer %s: %w", peer.Name, err)
	}
	if purpose == archive.Dark && !c.Calibration.Calibrates(peer.Name) {
		return nil, reject(scp.RejectCalledAETitle, "peer %s may not calibrate detectors; if it may, add %s to calibration: {peers: […]}", peer.Name, peer.Name)
	}
	return &session{node: n, called: p.Called, peer: peer, purpose: purpose, address: p.Remote.Addr().Unmap().String()}, nil
}

// reject is an A-ASSOCIATE-RJ with what the server logs: the reason, and the line that would
// admit the peer.
func reject(r scp.RejectError, format string, args ...any) error {
	r.Err = fmt.Errorf(format, args...)
	return &r
}

// admit finds the peer with this AE title and address. If there is none, but the host name of one
// with the AE title does not resolve, the rejection is for now.
func (n *Node) admit(ctx context.Context, c *configs.Config, p scp.Peer) (configs.Peer, error) {
	remote := p.Remote.Addr().Unmap()
	var known []configs.Peer
	var unresolved error
	for _, peer := range c.Peers {
		if peer.AETitle != p.Calling {
			continue
		}
		ok, err := n.at(ctx, peer, remote)
		if ok {
			return peer, nil
		}
		if err != nil && unresolved == nil {
			unresolved = reject(scp.RejectForNow, "peer %s: %w: %w", peer.Name, errUnresolved, err)
		}
		known = append(known, peer)
	}
	if unresolved != nil {
		return configs.Peer{}, unresolved
	}
	if len(known) > 0 {
		return configs.Peer{}, reject(scp.RejectCallingAETitle, "peer %s has AE title %q but its address is %s, not %s; if it has moved, change its address; if it is another machine, %s",
			known[0].Name, p.Calling, known[0].Host(), remote, admittingLine(c, p))
	}
	return configs.Peer{}, reject(scp.RejectCallingAETitle, "no peer has AE title %q; to admit it, %s", p.Calling, admittingLine(c, p))
}

// at reports whether the peer has an address; the error is that of looking up its host name.
func (n *Node) at(ctx context.Context, peer configs.Peer, remote netip.Addr) (bool, error) {
	ok, named := peer.Admits(remote)
	if ok || !named {
		return ok, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	found, err := n.lookup(ctx, peer.Host())
	return slices.ContainsFunc(found, func(a netip.Addr) bool { return a.Unmap() == remote }), err
}

// lookupIP uses the system's resolver.
func lookupIP(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// admittingLine is the line under peers: that would admit p, with a remark about which route
// would take its images.
func admittingLine(c *configs.Config, p scp.Peer) string {
	name := newName(c, p.Calling)
	line := fmt.Sprintf("write under peers:  - {name: %s, ae_title: %s, address: %s}", name, yamlQuoted(p.Calling), yamlQuoted(p.Remote.Addr().Unmap().String()))
	if p.Called == c.Calibration.AETitle {
		return line
	}
	for _, r := range c.Routes {
		if r.Takes(name) {
			return line + "; route " + r.Name + " takes its images"
		}
	}
	if len(c.Routes) == 0 {
		return line + "; no route takes its images: write one"
	}
	return fmt.Sprintf("%s; no route takes its images: add %s to from: of route %s", line, name, c.Routes[0].Name)
}

// yamlQuoted is a YAML scalar in single quotes, which logs do not escape.
func yamlQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// newName makes an unused peer name from an AE title.
func newName(c *configs.Config, title string) string {
	base := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, title)
	base = "peer-" + strings.Trim(base, "-") // never a YAML keyword
	name := base
	for i := 2; ; i++ {
		if _, taken := c.Peer(name); !taken {
			return name
		}
		name = fmt.Sprintf("%s-%d", base, i)
	}
}
