package ul

import (
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"
)

// Request waits, as acceptor, for the A-ASSOCIATE-RQ (Evt5, Evt6). The complete PDU must arrive
// within the ARTIM time.
func (c *Conn) Request() (*Associate, error) {
	if err := c.do(EvtTransportAccept, nil, nil); err != nil {
		return nil, err
	}
	// The first read of a TLS connection performs the handshake, which also writes.
	if err := c.nc.SetWriteDeadline(c.artim); err != nil {
		return nil, c.lost(err)
	}
	if err := c.await(c.timeouts.ARTIM); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			return nil, c.do(EvtTransportClosed, nil, fmt.Errorf("%w: %w", ErrNoRequest, io.ErrUnexpectedEOF))
		}
		return nil, c.lost(err)
	}
	p, err := c.receive()
	if err != nil {
		return nil, err
	}
	rq, ok := p.(*Associate)
	if !ok {
		return nil, c.end(unexpected("PDU instead of A-ASSOCIATE-RQ"))
	}
	return rq, c.limitSend(rq.User.MaximumLength)
}

// limitSend sets the peer's maximum length. It must leave room for data: a P-DATA-TF with one
// byte of data has 7 bytes.
func (c *Conn) limitSend(maximum uint32) error {
	if maximum != 0 && maximum < 8 {
		return c.violated(invalid("maximum length %d leaves no room for data", maximum))
	}
	c.maxSend = maximum
	return nil
}

// Accept accepts the request (Evt7).
func (c *Conn) Accept(ac *Associate) error { return c.do(EvtAcceptResponse, ac, nil) }

// Reject rejects the request (Evt8).
func (c *Conn) Reject(rj *Reject) error {
	err := c.do(EvtRejectResponse, rj, nil)
	_ = c.end(errors.New(rj.String()))
	return err
}

// Associate requests an association (Evt1, Evt2) and returns the answer: an
// *Associate or a *Reject.
func (c *Conn) Associate(rq *Associate) (PDU, error) {
	if err := errors.Join(c.do(EvtAssociateRequest, nil, nil), c.do(EvtTransportOpen, rq, nil)); err != nil {
		return nil, err
	}
	c.artim = time.Now().Add(c.timeouts.ARTIM)
	p, err := c.receive()
	if err != nil {
		return nil, err
	}
	switch p := p.(type) {
	case *Associate:
		return p, c.limitSend(p.User.MaximumLength)
	case *Reject:
		_ = c.end(errors.New(p.String()))
		return p, nil
	}
	return nil, c.end(fmt.Errorf("unexpected answer %T", p))
}

// Release ends the association (Evt11) and waits for the A-RELEASE-RP. It handles a release
// collision (PS3.8 7.2.2) and discards P-DATA that arrives in the meantime.
func (c *Conn) Release() error {
	if c.err != nil {
		return c.err
	}
	if err := c.skip(); err != nil {
		return err
	}
	if err := c.do(EvtReleaseRequest, &Release{}, nil); err != nil {
		return err
	}
	c.artim = time.Now().Add(c.timeouts.ARTIM)
	for {
		if _, err := c.receive(); err != nil {
			return err
		}
		if err := c.skip(); err != nil {
			return err
		}
		switch c.machine.State() {
		case StaCollisionRQLocal, StaCollisionACLocal:
			if err := c.do(EvtReleaseResponse, &Release{Response: true}, nil); err != nil {
				return err
			}
		}
		if s := c.machine.State(); s == StaIdle || s == StaAwaitClose {
			_ = c.end(ErrReleased)
			return nil
		}
	}
}
