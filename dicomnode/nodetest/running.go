package nodetest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"testing"

	"dicomnode/dicomnode/scu"
	"dicomnode/internal/archive"
)

// Server is a node.
type Server interface {
	Serve(ctx context.Context, listeners ...net.Listener) error
	Settled(ctx context.Context) (archive.Stats, error)
	Close() error
}

// Running is a node in this process.
type Running struct {
	Addr string  // host:port on loopback
	Log  *Buffer // what it logged
	node Server
}

// Run opens a node, with its log, and runs it on loopback until the test ends; the log is
// shown when the test fails.
func Run(t *testing.T, open func(*slog.Logger) (Server, error)) Running {
	t.Helper()
	return RunOver(t, open, func(ln net.Listener) net.Listener { return ln })
}

// RunOver is Run with a listener that secure makes of a plain one.
func RunOver(t *testing.T, open func(*slog.Logger) (Server, error), secure func(net.Listener) net.Listener) Running {
	t.Helper()
	r := Running{Log: &Buffer{}}
	var err error
	if r.node, err = open(slog.New(slog.NewTextHandler(r.Log, nil))); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(errors.Join(err, r.node.Close()))
	}
	r.Addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.node.Serve(ctx, secure(ln)) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, r.node.Close()); err != nil {
			t.Errorf("node: %v", err)
		}
		if t.Failed() {
			t.Logf("node's log:\n%s", r.Log)
		}
	})
	return r
}

// As calls the node as that application entity.
func (r Running) As(calling, called string) scu.Destination { return Calling(calling, called, r.Addr) }

// Port is where the node listens.
func (r Running) Port(t *testing.T) int {
	t.Helper()
	_, port, err := net.SplitHostPort(r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Settle waits until nothing is left to do and counts what there is.
func (r Running) Settle(t *testing.T) archive.Stats {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Time)
	defer cancel()
	s, err := r.node.Settled(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
