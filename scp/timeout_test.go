package scp_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
	"dicomnode/scp"
)

// line is a connection to a server inside a synctest bubble. It sets no deadlines, so that only
// those of the server end a wait.
type line struct {
	net.Conn
	t *testing.T
}

// onLine runs test in a bubble, associated with a server that has three different timeouts.
func onLine(t *testing.T, b *backend, test func(*testing.T, *line), change ...func(*scp.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ln := &pipeListener{make(chan net.Conn), make(chan struct{})}
		s := &scp.Server{
			AETitles: []string{"XNET"}, Backend: b, Log: slog.New(slog.DiscardHandler),
			Contexts:    []scp.SupportedContext{{AbstractSyntax: dxImage, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}}},
			IdleTimeout: 70 * time.Second, ReadTimeout: 40 * time.Second, WriteTimeout: 20 * time.Second, MinRate: -1,
		}
		for _, f := range change {
			f(s)
		}
		done := make(chan error)
		go func() { done <- s.Serve(t.Context(), ln) }()
		here, there := net.Pipe()
		ln.conns <- there
		l := &line{here, t}
		l.send(request())
		if _, ok := l.receive().(*ul.Associate); !ok {
			t.Fatal("not associated")
		}
		test(t, l)
		_ = here.Close()
		_ = ln.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (l *line) send(pdus ...ul.PDU) {
	l.t.Helper()
	for _, p := range pdus {
		b, err := ul.Encode(p)
		if err != nil {
			l.t.Fatal(err)
		}
		l.bytes(b)
	}
}

func (l *line) bytes(b []byte) {
	l.t.Helper()
	if _, err := l.Write(b); err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) receive() ul.PDU {
	l.t.Helper()
	var header [6]byte
	if _, err := io.ReadFull(l, header[:]); err != nil {
		l.t.Fatal(err)
	}
	body := make([]byte, min(binary.BigEndian.Uint32(header[2:]), 1<<16))
	if _, err := io.ReadFull(l, body); err != nil {
		l.t.Fatal(err)
	}
	p, err := ul.Decode(header[0], body)
	if err != nil {
		l.t.Fatal(err)
	}
	return p
}

// abortedAfter checks that the next PDU is the A-ABORT of the service provider, that it arrives
// after the given time, and that the connection is closed afterwards.
func (l *line) abortedAfter(want time.Duration) {
	l.t.Helper()
	begun := time.Now()
	abort, ok := l.receive().(*ul.Abort)
	if took := time.Since(begun); !ok || abort.Source != ul.SourceProvider || took != want {
		l.t.Errorf("got %+v after %v, want the provider's A-ABORT after %v", abort, took, want)
	}
	if n, err := l.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		l.t.Errorf("got %d bytes, %v; want the connection closed", n, err)
	}
}

// TestIdleTimeout: the idle timeout starts again for each message.
func TestIdleTimeout(t *testing.T) {
	onLine(t, &backend{}, func(t *testing.T, l *line) {
		for range 3 {
			<-time.After(69 * time.Second)
			l.send(commandPDU(t, echoRQ(), 3))
			if _, ok := l.receive().(*ul.PData); !ok {
				t.Error("echo was not answered")
			}
		}
		l.abortedAfter(70 * time.Second)
	})
}

// TestReadTimeout: within a message, every read has the read timeout, and the session gets the
// error.
func TestReadTimeout(t *testing.T) {
	command := func(l *line) { l.send(commandPDU(l.t, storeRQ(), 1)) }
	for name, c := range map[string]struct {
		begin func(*line)
		heard bool // the session got the error
	}{
		"within a PDU header": {func(l *line) { l.bytes([]byte{4, 0, 0}) }, false},
		"within a command":    {func(l *line) { l.bytes([]byte{4, 0, 0, 0, 0, 10, 0, 0, 0, 6, 1, 3, 0, 0}) }, false},
		"before the data set": {command, true},
		"within a data set":   {func(l *line) { command(l); l.send(dataPDU(false, "half")) }, true},
		"slow, then silent": {func(l *line) {
			command(l)
			for range 3 {
				<-time.After(39 * time.Second)
				l.send(dataPDU(false, "more"))
			}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var heard error
			b := &backend{store: func(_ context.Context, _ scp.StoreRequest, r io.Reader) error {
				_, heard = io.Copy(io.Discard, r)
				return heard
			}}
			onLine(t, b, func(t *testing.T, l *line) {
				c.begin(l)
				l.abortedAfter(40 * time.Second)
			})
			if errors.Is(heard, os.ErrDeadlineExceeded) != c.heard {
				t.Errorf("session heard %v", heard)
			}
		})
	}
}

// TestMinRate: a message that arrives byte by byte ends after the read timeout plus the time
// allowed for its bytes, although no single read takes long.
func TestMinRate(t *testing.T) {
	b := &backend{store: func(_ context.Context, _ scp.StoreRequest, r io.Reader) error {
		_, err := io.Copy(io.Discard, r)
		return err
	}}
	onLine(t, b, func(t *testing.T, l *line) {
		l.send(commandPDU(t, storeRQ(), 1))
		begun := time.Now()
		l.bytes([]byte{4, 0, 0, 0, 0x40, 0, 0, 0, 0x3f, 0xfc, 1, 2})
		aborted := make(chan ul.PDU)
		go func() { aborted <- l.receive() }()
		for {
			select {
			case <-time.After(10 * time.Second):
				if _, err := l.Write([]byte{0}); err != nil {
					t.Error(err)
				}
				continue
			case <-aborted:
			}
			break
		}
		if took := time.Since(begun); took < 40*time.Second || took > 50*time.Second {
			t.Errorf("gave up after %v, want 40 s and what some bytes earn", took)
		}
	}, func(s *scp.Server) { s.MinRate = 100 })
}

// TestMinRateCountsTheWire: time spent in the session does not count.
func TestMinRateCountsTheWire(t *testing.T) {
	b := &backend{store: func(_ context.Context, _ scp.StoreRequest, r io.Reader) error {
		<-time.After(time.Hour)
		_, err := io.Copy(io.Discard, r)
		return err
	}}
	onLine(t, b, func(t *testing.T, l *line) {
		l.send(commandPDU(t, storeRQ(), 1))
		data, err := ul.Encode(dataPDU(true, "data"))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if _, err := l.Write(data); err != nil {
				t.Error(err)
			}
		}()
		if _, ok := l.receive().(*ul.PData); !ok {
			t.Error("want a response")
		}
	}, func(s *scp.Server) { s.MinRate = 100 })
}

// TestWriteTimeout: a peer that does not read its response blocks the association at most for
// the write timeout and the half second in which its own A-ABORT may arrive. Nothing is written
// after an incomplete PDU.
func TestWriteTimeout(t *testing.T) {
	for name, taken := range map[string]int{"reads nothing": 0, "reads half a PDU": 20} {
		t.Run(name, func(t *testing.T) {
			b := &backend{}
			onLine(t, b, func(t *testing.T, l *line) {
				b.ended = make(chan struct{}) // of the bubble
				l.send(commandPDU(t, echoRQ(), 3))
				begun := time.Now()
				if _, err := io.ReadFull(l, make([]byte, taken)); err != nil {
					t.Fatal(err)
				}
				<-b.ended
				if took := time.Since(begun); took != 20500*time.Millisecond {
					t.Errorf("session ended after %v, want 20.5s", took)
				}
				if n, err := l.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("got %d bytes, %v; want the connection closed", n, err)
				}
			})
		})
	}
}
