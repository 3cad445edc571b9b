// Package scptest is a scripted DICOM peer for tests: it sends bytes, expects PDUs, and closes
// the connection at any point. It has no protocol state, so that it can violate every rule.
package scptest

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"dicomnode/internal/ul"
)

// patience is the time limit for each wait.
const patience = 10 * time.Second

// Peer is one end of a connection that a test controls.
type Peer struct {
	t    testing.TB
	Conn net.Conn
}

// Dial connects to a server; the connection is closed at the end of the test.
func Dial(t testing.TB, addr string) *Peer {
	t.Helper()
	nc, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	return New(t, nc)
}

// New returns a Peer on an existing connection.
func New(t testing.TB, nc net.Conn) *Peer {
	t.Cleanup(func() { _ = nc.Close() })
	return &Peer{t, nc}
}

// Send writes bytes unchanged. If the other side has already closed, Expect reports it.
func (p *Peer) Send(b []byte) {
	p.t.Helper()
	_ = p.Conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := p.Conn.Write(b); err != nil {
		p.t.Logf("send: %v", err)
	}
}

// SendHex writes bytes given in hexadecimal; spaces are ignored.
func (p *Peer) SendHex(s string) {
	p.t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		p.t.Fatal(err)
	}
	p.Send(b)
}

// SendPDU encodes and writes a PDU.
func (p *Peer) SendPDU(pdu ul.PDU) {
	p.t.Helper()
	b, err := ul.Encode(pdu)
	if err != nil {
		p.t.Fatal(err)
	}
	p.Send(b)
}

// Receive reads the next PDU.
func (p *Peer) Receive() (ul.PDU, error) {
	_ = p.Conn.SetReadDeadline(time.Now().Add(patience))
	var header [6]byte
	if _, err := io.ReadFull(p.Conn, header[:]); err != nil {
		return nil, err
	}
	body := make([]byte, min(binary.BigEndian.Uint32(header[2:]), 1<<20))
	if _, err := io.ReadFull(p.Conn, body); err != nil {
		return nil, err
	}
	return ul.Decode(header[0], body)
}

// Expect reads the next PDU and fails the test if it is not of type T.
func Expect[T ul.PDU](p *Peer) T {
	p.t.Helper()
	pdu, err := p.Receive()
	got, ok := pdu.(T)
	if err != nil || !ok {
		p.t.Fatalf("received %T %+v, %v; want %T", pdu, pdu, err, got)
	}
	return got
}

// ExpectClosed fails the test unless the other side closes the connection.
func (p *Peer) ExpectClosed() {
	p.t.Helper()
	pdu, err := p.Receive()
	if err == nil || errors.Is(err, io.ErrNoProgress) {
		p.t.Fatalf("received %T %+v, want the connection to be closed", pdu, pdu)
	}
	var wait net.Error
	if errors.As(err, &wait) && wait.Timeout() {
		p.t.Fatal("connection was not closed")
	}
}
