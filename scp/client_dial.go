package scp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"dicomnode/internal/dicomtls"
	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
)

// Dialer requests associations.
type Dialer struct {
	Calling                   string        // calling AE title
	MaxPDULength              uint32        // announced to the peer, in bytes; default DefaultMaxPDULength
	DialTimeout               time.Duration // for the TCP and TLS connection; default 10 s
	AssociationTimeout        time.Duration // for the answers to A-ASSOCIATE-RQ and A-RELEASE-RQ; default 30 s
	ResponseTimeout           time.Duration // for the response to a message; default 120 s
	ReadTimeout               time.Duration // for each read once a message has begun; default 30 s
	WriteTimeout              time.Duration // for each PDU; default 30 s
	TLS                       *tls.Config   // nil for plain TCP
	Session                   Session       // performs the peer's requests on these associations, such as C-STORE during C-GET; nil refuses them. Its Close is not called
	ImplementationClassUID    string        // default uid.Implementation
	ImplementationVersionName string        // default uid.ImplementationVersionName
	Log                       *slog.Logger  // for protocol errors in a peer's answers; default none
}

// Dial connects to addr and negotiates the proposals. It returns a *RejectError if the peer
// rejects the association. Rejected presentation contexts are no error: see [Client.Accepted].
func (d *Dialer) Dial(ctx context.Context, addr Addr, proposals ...Proposal) (*Client, error) {
	rq, wanted, err := d.propose(addr, proposals)
	if err != nil {
		return nil, err
	}
	nc, err := d.connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	c := &Client{timeout: or(d.ResponseTimeout, 120*time.Second)}
	c.log = or(d.Log, slog.New(slog.DiscardHandler)).With("peer", addr.AETitle)
	if c.session = d.Session; c.session != nil {
		c.requests = c.performed()
	}
	c.conn = ul.NewConn(nc, false, rq.User.MaximumLength, ul.Timeouts{
		ARTIM: or(d.AssociationTimeout, 30*time.Second),
		Read:  or(d.ReadTimeout, 30*time.Second),
		Write: or(d.WriteTimeout, 30*time.Second),
	})
	defer context.AfterFunc(ctx, c.conn.Kill)()
	if err := c.associate(rq, wanted); err != nil {
		c.conn.Close()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = fmt.Errorf("no answer to the A-ASSOCIATE-RQ within %v: %w", or(d.AssociationTimeout, 30*time.Second), err)
		}
		return nil, withCause(ctx, explain(err)) // in TLS 1.3 a server reports only now that it rejects the certificate
	}
	return c, nil
}

func (d *Dialer) connect(ctx context.Context, addr Addr) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, or(d.DialTimeout, 10*time.Second))
	defer cancel()
	if d.TLS != nil {
		nc, err := dicomtls.Dial(ctx, addr.Host, d.TLS)
		if err != nil {
			return nil, explain(err)
		}
		return nc, nil
	}
	return new(net.Dialer).DialContext(ctx, "tcp", addr.Host)
}

// propose builds the A-ASSOCIATE-RQ with one presentation context for each transfer syntax, at
// most 128 (odd IDs 1 to 255, PS3.8 9.3.2.2).
func (d *Dialer) propose(addr Addr, proposals []Proposal) (*ul.Associate, map[byte]accepted, error) {
	rq := &ul.Associate{
		ProtocolVersion: 1, Called: addr.AETitle, Calling: d.Calling, ApplicationContext: uid.ApplicationContext,
		User: d.user(),
	}
	if n := rq.User.MaximumLength; n < minPDULength {
		return nil, nil, fmt.Errorf("propose maximum PDU length %d: want at least %d", n, minPDULength)
	}
	wanted := map[byte]accepted{}
	for _, p := range proposals {
		if p.Roles != 0 {
			rq.User.Roles = append(rq.User.Roles, ul.Role{SOPClassUID: p.AbstractSyntax, SCU: p.Roles&SCURole != 0, SCP: p.Roles&SCPRole != 0})
		}
		for _, ts := range p.TransferSyntaxes {
			if len(rq.Contexts) == 128 {
				return nil, nil, errors.New("propose presentation contexts: more than 128")
			}
			if err := errors.Join(uid.Check(p.AbstractSyntax), uid.Check(ts)); err != nil {
				return nil, nil, fmt.Errorf("propose %q in %q: %w", p.AbstractSyntax, ts, err)
			}
			id := byte(2*len(rq.Contexts) + 1)
			rq.Contexts = append(rq.Contexts, ul.Context{ID: id, AbstractSyntax: p.AbstractSyntax, TransferSyntaxes: []string{ts}})
			wanted[id] = accepted{p.AbstractSyntax, ts}
		}
	}
	if len(rq.Contexts) == 0 {
		return nil, nil, errors.New("propose presentation contexts: none given")
	}
	return rq, wanted, errors.Join(uid.CheckAETitle(d.Calling), uid.CheckAETitle(addr.AETitle))
}

func (d *Dialer) user() ul.UserInformation {
	return ul.UserInformation{
		MaximumLength:             or(d.MaxPDULength, DefaultMaxPDULength),
		ImplementationClassUID:    or(d.ImplementationClassUID, uid.Implementation),
		ImplementationVersionName: or(d.ImplementationVersionName, uid.ImplementationVersionName),
	}
}

func (c *Client) associate(rq *ul.Associate, wanted map[byte]accepted) error {
	answer, err := c.conn.Associate(rq)
	if err != nil {
		return err
	}
	if rj, ok := answer.(*ul.Reject); ok {
		return rejection(*rj, nil)
	}
	ac, ok := answer.(*ul.Associate)
	if !ok {
		return c.conn.Violation(ul.ReasonUnexpectedPDU, "unexpected answer")
	}
	c.learnRoles(rq.User.Roles, ac.User.Roles)
	return c.learn(ac.Contexts, wanted)
}

// learnRoles stores the roles that were both proposed and granted: an acceptor cannot grant a
// role that was not proposed.
func (c *Client) learnRoles(proposed, granted []ul.Role) {
	c.roles = map[string]Role{}
	for _, g := range granted {
		for _, p := range proposed {
			if p.SOPClassUID == g.SOPClassUID {
				c.roles[g.SOPClassUID] = roleOf(p) & roleOf(g)
			}
		}
	}
}

func (c *Client) learn(answers []ul.Context, wanted map[byte]accepted) error {
	c.contexts, c.ids, c.refused = map[byte]accepted{}, map[accepted]byte{}, map[accepted]byte{}
	for _, a := range answers {
		pc, ok := wanted[a.ID]
		switch {
		case !ok:
			return c.conn.Violation(ul.ReasonInvalidValue, "answer to a presentation context that was not proposed")
		case a.Result != ul.Acceptance:
			c.refused[pc] = a.Result
		case a.TransferSyntaxes[0] != pc.transferSyntax: // violates PS3.8 9.3.3.2; the other contexts may be usable
			c.log.Warn("presentation context accepted in a transfer syntax that was not proposed in it", "sop_class", uid.Name(pc.abstractSyntax),
				"proposed", uid.Name(pc.transferSyntax), "accepted", uid.Name(a.TransferSyntaxes[0]))
			c.refused[pc] = ul.TransferSyntaxUnsupported
		default:
			c.contexts[a.ID], c.ids[pc] = pc, a.ID
		}
	}
	return nil
}
