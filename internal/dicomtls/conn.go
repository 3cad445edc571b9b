package dicomtls

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// recordSize is the greatest size of a record in bytes (RFC 8446 5.1).
const recordSize = 16 << 10

// Conn is a TLS connection that needs few system calls: it sends all records of one Write
// together, where [tls.Conn] sends each separately.
type Conn struct {
	*tls.Conn
	wire    *wire
	grace   time.Duration // closeGrace
	writing sync.Mutex

	mu   sync.Mutex
	busy bool        // during a Write of several records
	cut  *time.Timer // closes the wire; nil unless Close was called during a Write
}

// closeGrace is how long a Write in progress may take to end when the connection is closed, so
// that the peer can be told that it is closed (RFC 8446 6.1).
const closeGrace = 250 * time.Millisecond

// Dial connects to host:port and performs the TLS handshake. If c has no ServerName, the host
// is used.
func Dial(ctx context.Context, address string, c *tls.Config) (*Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if c.ServerName == "" {
		c = c.Clone()
		c.ServerName, _, _ = net.SplitHostPort(address) // cannot fail: the address could be dialled
	}
	w := &wire{Conn: nc}
	conn := &Conn{Conn: tls.Client(w, c), wire: w, grace: closeGrace}
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return nil, err
	}
	return conn, nil
}

// NewListener returns a listener whose connections use TLS. A connection performs its handshake
// when it is first used.
func NewListener(ln net.Listener, c *tls.Config) net.Listener { return &listener{ln, c} }

type listener struct {
	net.Listener
	config *tls.Config
}

// Accept waits for the next connection.
func (l *listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: nc}
	return &Conn{Conn: tls.Server(w, l.config), wire: w, grace: closeGrace}, nil
}

// MostRead is the greatest number of bytes that one Read returns.
func (c *Conn) MostRead() int { return recordSize }

// Write writes p in as many records as necessary. After an error the connection is unusable, as
// with [tls.Conn].
func (c *Conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if len(p) <= recordSize {
		return c.Conn.Write(p)
	}
	if err := c.Handshake(); err != nil { // cannot be held back: the peer must answer it
		return 0, err
	}
	c.setBusy(true)
	c.wire.hold()
	n, err := c.Conn.Write(p)
	if failed := c.wire.release(); failed != nil {
		n, err = 0, failed
	}
	if cut := c.setBusy(false); cut != nil { // Close was called
		_ = c.Conn.Close() // sends close_notify, unless the connection has failed
		cut.Stop()
		return n, net.ErrClosed
	}
	return n, err
}

func (c *Conn) setBusy(busy bool) (cut *time.Timer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = busy
	return c.cut
}

// Close sends close_notify and closes the connection. A Write of several records in progress
// fails. It then closes the connection itself, at once or, if the peer does not read, after a
// moment for which Close does not wait.
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.busy {
		defer c.mu.Unlock()
		if c.cut == nil {
			c.cut = time.AfterFunc(c.grace, func() { _ = c.wire.Conn.Close() }) // the Write reports what fails
		}
		return nil
	}
	c.mu.Unlock()
	return c.Conn.Close()
}

// wire is the connection below TLS.
type wire struct {
	net.Conn
	mu     sync.Mutex // serializes writes, in the order of their records
	held   *[]byte    // records to be sent together; nil if each is sent at once
	broken error      // error of a failed write, perhaps inside a record: nothing more is written
}

// heldSize is the size in bytes of a P-DATA-TF of 128 KiB and the overhead of its records.
const heldSize = 132 << 10

var heldBuffers = sync.Pool{New: func() any { b := make([]byte, 0, heldSize); return &b }}

// Write writes p, or buffers it while records are held back.
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

// release writes the buffered records.
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
