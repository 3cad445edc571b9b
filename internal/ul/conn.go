package ul

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// linger is the ARTIM time in Sta13: how long the peer may take to close the connection after
// A-ABORT, A-ASSOCIATE-RJ or A-RELEASE-RP. lingerBytes is how many bytes it may still send.
// They are read, because otherwise TCP would reset the connection before the peer has read the
// last PDU.
const (
	linger      = 500 * time.Millisecond
	lingerBytes = 256 << 10
)

// Timeouts are the timeouts of a [Conn]; all must be positive.
type Timeouts struct {
	ARTIM time.Duration // for a whole A-ASSOCIATE-RQ, and for the answers to A-ASSOCIATE-RQ and A-RELEASE-RQ
	Read  time.Duration // each read within a PDU or message
	Write time.Duration // each write
	// Rate is the lowest rate in bytes per second at which a message may arrive, once it has
	// taken longer than Read; 0 means any. The time between reads on this side does not count.
	Rate int64
}

// Conn is an association over a transport connection. Its methods must not be called
// concurrently, except [Conn.Drain] and [Conn.Kill].
type Conn struct {
	nc       net.Conn
	machine  Machine
	acceptor bool
	timeouts Timeouts
	in       reader
	artim    time.Time // zero: ARTIM is stopped
	err      error     // why the association has ended

	writeErr error // error of the failed write

	maxReceive uint32 // longest accepted P-DATA-TF
	maxSend    uint32 // longest P-DATA-TF that the peer accepts; 0 = any

	pduLeft, pdvLeft uint32 // unread bytes of the P-DATA-TF after this PDV, and of the PDV

	mu       sync.Mutex
	waiting  bool          // for the first byte of a message
	idle     time.Duration // how long that wait may take
	draining time.Duration // grace period of Drain; 0: not draining
}

// NewConn returns a Conn on a transport connection. maxReceive is the maximum length that will
// be announced in the negotiation.
func NewConn(nc net.Conn, acceptor bool, maxReceive uint32, t Timeouts) *Conn {
	c := &Conn{nc: nc, machine: NewMachine(), acceptor: acceptor, timeouts: t, maxReceive: maxReceive}
	c.in = reader{nc: nc, deadline: c.readDeadline}
	if records, ok := nc.(interface{ MostRead() int }); ok { // TLS
		c.in.most = records.MostRead()
	}
	return c
}

func (c *Conn) readDeadline() time.Time {
	if !c.artim.IsZero() {
		return c.artim
	}
	return time.Now().Add(min(c.timeouts.Read, c.nextBytesTimeout()))
}

// nextBytesTimeout returns how long to wait for the next bytes of the message that is arriving, so that
// it keeps Timeouts.Rate.
func (c *Conn) nextBytesTimeout() time.Duration {
	if c.timeouts.Rate <= 0 {
		return c.timeouts.Read
	}
	earned := time.Duration(float64(c.in.got) / float64(c.timeouts.Rate) * float64(time.Second))
	return max(0, c.timeouts.Read+earned-c.in.waited)
}

// Drain limits the wait for the next message to grace, so that the association ends soon.
func (c *Conn) Drain(grace time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = grace
	if c.waiting {
		_ = c.nc.SetReadDeadline(time.Now().Add(min(grace, c.idle))) // if the connection is dead, reading reports it
	}
}

// Kill closes the transport connection; every call in progress fails.
func (c *Conn) Kill() { _ = c.nc.Close() }

// await waits up to idle until a byte can be read.
func (c *Conn) await(idle time.Duration) error {
	if len(c.in.buf) > 0 {
		return nil
	}
	c.mu.Lock()
	if c.draining > 0 {
		idle = min(idle, c.draining)
	}
	c.waiting, c.idle = true, idle
	err := c.nc.SetReadDeadline(time.Now().Add(idle))
	c.mu.Unlock()
	if err == nil {
		space := c.in.space()
		var n int
		n, err = c.nc.Read(space)
		c.in.buf = space[:n]
		if n > 0 {
			err = nil
		}
	}
	c.mu.Lock()
	c.waiting = false
	c.mu.Unlock()
	return err
}

// Quiet reports whether the peer has neither sent anything nor closed the connection since its
// last PDU. It waits for a millisecond. Bytes that have arrived are kept for later reads.
func (c *Conn) Quiet() bool {
	return c.err == nil && errors.Is(c.await(time.Millisecond), os.ErrDeadlineExceeded)
}

// do performs the transition of e and its action.
func (c *Conn) do(e Event, p PDU, cause error) error {
	return c.doAlt(e, p, cause, false)
}

func (c *Conn) doAlt(e Event, p PDU, cause error, alt bool) error {
	a, err := c.machine.Step(e, alt)
	if err != nil {
		return errors.Join(cause, err)
	}
	return actions[a](c, p, cause)
}

// receive reads the next PDU and performs its transition. Of a P-DATA-TF it reads only the
// header: it sets pduLeft and returns nil.
func (c *Conn) receive() (PDU, error) {
	var header [6]byte
	if _, err := io.ReadFull(&c.in, header[:]); err != nil {
		return nil, c.lost(err)
	}
	kind, length := header[0], binary.BigEndian.Uint32(header[2:])
	if err := c.checkHeader(kind, length); err != nil {
		return nil, c.violated(err)
	}
	if kind == typePData {
		c.pduLeft, c.in.long = length, length >= largeBuffer
		return nil, c.do(EvtData, nil, unexpected("P-DATA-TF"))
	}
	var body bytes.Buffer // grows with the received bytes, not with the announced length
	if _, err := io.CopyN(&body, &c.in, int64(length)); err != nil {
		return nil, c.lost(err)
	}
	p, err := Decode(kind, body.Bytes())
	if err != nil {
		return nil, c.violated(err)
	}
	return p, c.received(p)
}

func (c *Conn) checkHeader(kind byte, length uint32) error {
	limit := uint32(4)
	switch {
	case kind < typeAssociateRQ || kind > typeAbort:
		return &ProtocolError{ReasonUnrecognizedPDU, fmt.Sprintf("PDU type %02XH%s", kind, otherProtocols[kind])}
	case kind == typeAssociateRQ || kind == typeAssociateAC:
		limit = MaxAssociateLength
	case kind == typePData && length < 6: // PS3.8 9.3.5: at least one PDV
		return invalid("P-DATA-TF of %d bytes: want a PDV", length)
	case kind == typePData:
		limit = c.maxReceive
	}
	if length > limit {
		return invalid("PDU type %02XH of %d bytes: at most %d are allowed", kind, length, limit)
	}
	return nil
}

// otherProtocols are the first bytes of other protocols that are used by mistake on a DICOM
// port.
var otherProtocols = map[byte]string{
	0x16: ": a TLS handshake, where plain DICOM is spoken",
	0x15: ": a TLS alert, so TLS is spoken there",
	'G':  ": a HTTP request", 'H': ": a HTTP request", 'P': ": a HTTP request", 'O': ": a HTTP request",
}

func unexpected(what string) error {
	return &ProtocolError{ReasonUnexpectedPDU, "unexpected " + what}
}

// received performs the transition of a completely received PDU.
func (c *Conn) received(p PDU) error {
	switch p := p.(type) {
	case *Associate:
		if p.Accept {
			return c.do(EvtAssociateAC, p, unexpected("A-ASSOCIATE-AC"))
		}
		return c.doAlt(EvtAssociateRQ, p, unexpected("A-ASSOCIATE-RQ"), p.ProtocolVersion&1 == 0)
	case *Reject:
		return c.do(EvtAssociateRJ, p, unexpected("A-ASSOCIATE-RJ"))
	case *Release:
		if p.Response {
			return c.do(EvtReleaseRP, p, unexpected("A-RELEASE-RP"))
		}
		return c.doAlt(EvtReleaseRQ, p, unexpected("A-RELEASE-RQ"), c.acceptor)
	case *Abort:
		return c.do(EvtAbort, p, &AbortError{p.Source, p.Reason})
	}
	return c.violated(unexpected("PDU"))
}

// violated aborts the association because the peer violated the protocol.
func (c *Conn) violated(err error) error { return c.do(EvtInvalid, nil, err) }

// lost ends the association after a read failed, because of a deadline or a lost connection.
func (c *Conn) lost(err error) error {
	if c.err != nil {
		return c.err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if err = fmt.Errorf("wait for the peer: %w", os.ErrDeadlineExceeded); c.nextBytesTimeout() == 0 { // without addresses, which are in the log
			err = fmt.Errorf("message arrives at less than %d bytes a second: %w", c.timeouts.Rate, err)
		}
		if c.machine.State() == StaAwaitRequest {
			return c.do(EvtTimeout, nil, err)
		}
		return c.do(EvtAbortRequest, &Abort{Source: SourceProvider}, err)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	} else if !errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err) // a reset ends the stream early just like a close
	}
	return c.do(EvtTransportClosed, nil, fmt.Errorf("connection lost: %w", err))
}

// write writes complete PDUs. After a failed write nothing more is written: the peer would read
// an A-ABORT as the rest of the incomplete PDU, and writing it could block as long again.
func (c *Conn) write(b []byte) error {
	if c.writeErr != nil {
		return c.writeErr
	}
	if c.writeErr = c.nc.SetWriteDeadline(time.Now().Add(c.timeouts.Write)); c.writeErr == nil {
		_, c.writeErr = c.nc.Write(b)
	}
	return c.writeErr
}

func (c *Conn) send(p PDU) error {
	b, err := Encode(p)
	if err != nil {
		return err
	}
	return c.write(b)
}

// end records why the association has ended.
func (c *Conn) end(cause error) error {
	if c.err == nil {
		c.err = cause
	}
	return cause
}

// Close closes the transport connection. It aborts an established association first. In Sta13
// it waits shortly for the peer to close.
func (c *Conn) Close() {
	if s := c.machine.State(); s != StaIdle && s != StaAwaitRequest && s != StaAwaitClose {
		c.Abort()
	}
	if c.machine.State() == StaAwaitClose {
		c.artim = time.Now().Add(linger)
		_, err := io.CopyN(io.Discard, &c.in, lingerBytes)
		event := EvtTransportClosed
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			event = EvtTimeout
		}
		_ = c.do(event, nil, nil) // both events close the connection; the association is already over
	}
	_ = c.nc.Close() // a second close does no harm
	c.in.close()
}

// Abort sends an A-ABORT as service user unless the association has ended.
func (c *Conn) Abort() {
	if c.err == nil {
		_ = c.do(EvtAbortRequest, &Abort{Source: SourceUser}, ErrAborted) // the error is ErrAborted
	}
}

// Violation aborts the association as service provider, because the peer broke a rule of the
// layer above for which no other answer exists.
func (c *Conn) Violation(reason byte, what string) error {
	if c.err != nil {
		return c.err
	}
	return c.violated(&ProtocolError{reason, what})
}
