package dicomtls

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
)

// recordSize is the most that a record holds (RFC 8446 5.1).
const recordSize = 16 << 10

// Conn is a TLS connection that makes few system calls: the records of one Write leave
// together, where [tls.Conn] writes each by itself.
type Conn struct {
	*tls.Conn
	wire    *wire
	writing sync.Mutex
	busy    atomic.Bool // within a Write of several records
}

// Dial makes a connection to host:port and shakes hands. Where c names no server and
// verifies its certificate by name, the host is that name.
func Dial(ctx context.Context, address string, c *tls.Config) (*Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if c.ServerName == "" {
		c = c.Clone()
		c.ServerName, _, _ = net.SplitHostPort(address) // which could be dialled
	}
	w := &wire{Conn: nc}
	conn := &Conn{Conn: tls.Client(w, c), wire: w}
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return nil, err
	}
	return conn, nil
}

// NewListener has each connection of ln be one over TLS; it shakes hands when it is first
// used.
func NewListener(ln net.Listener, c *tls.Config) net.Listener { return &listener{ln, c} }

type listener struct {
	net.Listener
	config *tls.Config
}

// Accept waits for a connection.
func (l *listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: nc}
	return &Conn{Conn: tls.Server(w, l.config), wire: w}, nil
}

// MostRead is the most that one Read returns, in bytes.
func (c *Conn) MostRead() int { return recordSize }

// Write writes p in as many records as it takes. An error leaves the connection good for
// nothing, as with [tls.Conn].
func (c *Conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if len(p) <= recordSize {
		return c.Conn.Write(p)
	}
	if err := c.Handshake(); err != nil { // what it writes is answered: it cannot wait
		return 0, err
	}
	c.busy.Store(true)
	defer c.busy.Store(false)
	c.wire.hold()
	n, err := c.Conn.Write(p)
	if failed := c.wire.release(); failed != nil {
		return 0, failed
	}
	return n, err
}

// Close ends the connection. A Write that is under way fails at once, whether the peer
// reads or not.
func (c *Conn) Close() error {
	if c.busy.Load() {
		return c.wire.Conn.Close()
	}
	return c.Conn.Close()
}

// wire is the connection below TLS.
type wire struct {
	net.Conn
	mu     sync.Mutex // one writes after the other, in the order of their records
	held   *[]byte    // records that wait for others; nil while each goes by itself
	broken error      // why a write failed, perhaps within a record: nothing may follow
}

// heldSize is room for a P-DATA-TF of 128 KiB with what its records add, in bytes.
const heldSize = 132 << 10

var heldBuffers = sync.Pool{New: func() any { b := make([]byte, 0, heldSize); return &b }}

// Write writes, or keeps for later while records are held.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held == nil {
		return w.send(p)
	}
	if len(*w.held)+len(p) > heldSize {
		if err := w.flush(); err != nil {
			return 0, err
		}
	}
	*w.held = append(*w.held, p...)
	return len(p), nil
}

func (w *wire) send(p []byte) (n int, err error) {
	if w.broken == nil {
		n, w.broken = w.Conn.Write(p)
	}
	return n, w.broken
}

func (w *wire) flush() error {
	_, err := w.send(*w.held)
	*w.held = (*w.held)[:0]
	return err
}

func (w *wire) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = heldBuffers.Get().(*[]byte)
}

// release writes what is held.
func (w *wire) release() (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(*w.held) > 0 {
		err = w.flush()
	}
	heldBuffers.Put(w.held)
	w.held = nil
	return err
}
