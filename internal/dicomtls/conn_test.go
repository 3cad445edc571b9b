package dicomtls

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// line is a connection that counts its writes and can make them fail or block until it is
// closed.
type line struct {
	net.Conn
	mu     sync.Mutex
	writes int
	fails  error
	stuck  chan struct{} // closed by the first write; nil if writes do not block
	resume chan struct{} // ends the block of writes, as closed does
	closed chan struct{}
	once   sync.Once
}

func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	l.writes++
	fails, stuck := l.fails, l.stuck
	l.mu.Unlock()
	if stuck != nil {
		close(stuck)
		select {
		case <-l.closed:
			return 0, net.ErrClosed
		case <-l.resume:
			l.set(fails, nil)
		}
	}
	if fails != nil {
		return 0, fails
	}
	return l.Conn.Write(p)
}

func (l *line) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Conn.Close()
}

func (l *line) set(fails error, stuck chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes, l.fails, l.stuck = 0, fails, stuck
}

func (l *line) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writes
}

// lines is a listener that keeps its connection.
type lines struct {
	net.Listener
	accepted chan *line
}

func (l lines) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	made := &line{Conn: nc, resume: make(chan struct{}), closed: make(chan struct{})}
	l.accepted <- made
	return made, nil
}

// connected returns an acceptor and a requestor after their handshake, and the connection below
// the acceptor.
func connected(t *testing.T) (acceptor net.Conn, below *line, requestor net.Conn) {
	t.Helper()
	_, load := site(t, "here", "there")
	here, there := load("here"), load("there")
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = plain.Close() })
	all := lines{plain, make(chan *line, 1)}
	ln := NewListener(all, here.Server(nobody))
	dialled := make(chan error, 1)
	go func() {
		c, err := Dial(t.Context(), plain.Addr().String(), there.Client(Binding{Name: "here"}))
		requestor = c
		dialled <- err
	}()
	if acceptor, err = ln.Accept(); err == nil {
		err = acceptor.(*Conn).Handshake()
	}
	if err := errors.Join(err, <-dialled); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = acceptor.Close(), requestor.Close() })
	return acceptor, <-all.accepted, requestor
}

// TestRecordsLeaveTogether: the records of a Write need one system call, or few if they are
// very many, and arrive in order.
func TestRecordsLeaveTogether(t *testing.T) {
	acceptor, below, requestor := connected(t)
	for _, c := range []struct{ size, writes int }{{1, 1}, {16 << 10, 1}, {128<<10 + 12, 1}, {1 << 20, 8}} {
		data := make([]byte, c.size)
		for i := range data {
			data[i] = byte(i * 7 >> 3)
		}
		below.set(nil, nil)
		got := make(chan []byte, 1)
		go func() {
			b := make([]byte, c.size)
			n, _ := io.ReadFull(requestor, b)
			got <- b[:n]
		}()
		if n, err := acceptor.Write(data); n != c.size || err != nil {
			t.Fatalf("%d bytes: wrote %d, %v", c.size, n, err)
		}
		if b := <-got; !bytes.Equal(b, data) {
			t.Errorf("%d bytes: others arrived, %d", c.size, len(b))
		}
		if n := below.count(); n != c.writes {
			t.Errorf("%d bytes took %d writes, want %d", c.size, n, c.writes)
		}
	}
}

// TestCloseWithinWrite: Close does not wait for a peer that does not read.
func TestCloseWithinWrite(t *testing.T) {
	acceptor, below, _ := connected(t)
	stuck, written, closed := make(chan struct{}), make(chan error, 1), make(chan struct{})
	below.set(nil, stuck)
	go func() {
		_, err := acceptor.Write(make([]byte, 128<<10))
		written <- err
	}()
	<-stuck
	go func() {
		_ = acceptor.Close()
		close(closed)
	}()
	for range 2 {
		select {
		case err := <-written:
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("the write ended with %v", err)
			}
			written = nil
		case <-closed:
			closed = nil
		case <-time.After(patience):
			t.Fatal("the connection does not end")
		}
	}
}

// TestCloseNotifyBehindWrite: if the peer reads, a connection that is closed within a Write ends
// with the whole of it and close_notify.
func TestCloseNotifyBehindWrite(t *testing.T) {
	acceptor, below, requestor := connected(t)
	acceptor.(*Conn).grace = patience
	stuck, written, got := make(chan struct{}), make(chan error, 1), make(chan error, 1)
	below.set(nil, stuck)
	const size = 128 << 10
	go func() {
		_, err := acceptor.Write(make([]byte, size))
		written <- err
	}()
	go func() {
		b, err := io.ReadAll(requestor) // an end without close_notify is io.ErrUnexpectedEOF
		if err == nil && len(b) != size {
			err = fmt.Errorf("%d bytes arrived", len(b))
		}
		got <- err
	}()
	<-stuck
	if err := acceptor.Close(); err != nil {
		t.Error(err)
	}
	close(below.resume)
	if err := <-written; !errors.Is(err, net.ErrClosed) {
		t.Errorf("the write ended with %v", err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
	if _, err := acceptor.Write([]byte{1}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a write behind the end: %v", err)
	}
}

// TestNothingBehindHalfARecord: after a failed write, which may have ended inside a record,
// nothing more is written, not even an alert.
func TestNothingBehindHalfARecord(t *testing.T) {
	acceptor, below, _ := connected(t)
	broken := errors.New("broken")
	below.set(broken, nil)
	if n, err := acceptor.Write(make([]byte, 100<<10)); n != 0 || !errors.Is(err, broken) {
		t.Errorf("wrote %d bytes, %v", n, err)
	}
	below.set(nil, nil)
	if _, err := acceptor.Write([]byte{1}); !errors.Is(err, broken) {
		t.Errorf("and then %v", err)
	}
	_ = acceptor.Close()
	if n := below.count(); n != 0 {
		t.Errorf("%d writes behind the one that failed", n)
	}
}
