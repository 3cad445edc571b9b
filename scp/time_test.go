package scp_test

import (
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"dicomnode/internal/ul"
	"dicomnode/scp"
)

// pipeListener accepts one end of each connection made by dial.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// TestARTIM: the complete A-ASSOCIATE-RQ must arrive within 30 seconds, however its bytes are
// distributed (PS3.8 9.2, Evt18).
func TestARTIM(t *testing.T) {
	encoded, err := ul.Encode(request())
	if err != nil {
		t.Fatal(err)
	}
	for name, step := range map[string]time.Duration{"silent": 0, "a byte now and then": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ln := &pipeListener{make(chan net.Conn), make(chan struct{})}
				s := &scp.Server{AETitles: []string{"XNET"}, Backend: &backend{}, Log: slog.New(slog.DiscardHandler)}
				done := make(chan error)
				go func() { done <- s.Serve(t.Context(), ln) }()
				here, there := net.Pipe()
				ln.conns <- there
				begun := time.Now()
				written := make(chan struct{})
				go func() {
					defer close(written)
					trickle(here, encoded, step)
				}()
				n, err := here.Read(make([]byte, 1))
				if n != 0 || err != io.EOF {
					t.Errorf("got %d bytes, %v; want the connection closed", n, err)
				}
				if took := time.Since(begun); took != 30*time.Second {
					t.Errorf("closed after %v, want 30s", took)
				}
				<-written
				_ = ln.Close()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func trickle(c net.Conn, b []byte, step time.Duration) {
	if step == 0 {
		return
	}
	ticker := time.NewTicker(step)
	defer ticker.Stop()
	for i := range b {
		<-ticker.C
		if _, err := c.Write(b[i : i+1]); err != nil {
			return
		}
	}
}
