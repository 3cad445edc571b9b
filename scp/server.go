package scp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
)

// Server accepts associations and serves C-ECHO and C-STORE as SCP. Set the
// fields before Serve and do not change them afterwards.
type Server struct {
	AETitles []string           // accepted called AE titles; empty: Backend checks Peer.Called
	Backend  Backend            // decides who may associate and stores
	Contexts []SupportedContext // supported in addition to Verification

	MaxPDULength           uint32 // announced to peers, in bytes; default DefaultMaxPDULength
	MaxAssociations        int    // greatest number of associations; 0 = no limit
	MaxAssociationsPerPeer int    // the same for one calling AE title and address; 0 = no limit
	MaxPending             int    // greatest number of connections without an A-ASSOCIATE-RQ; default a quarter of the descriptors, at most 128

	AssociationTimeout time.Duration // ARTIM: for the whole A-ASSOCIATE-RQ (and TLS handshake); default 30 s
	IdleTimeout        time.Duration // between two messages of an association; default DefaultIdleTimeout
	ReadTimeout        time.Duration // for each read within a message; default 30 s
	MinRate            int64         // lowest rate in bytes per second of a message that takes longer than ReadTimeout; default DefaultMinRate, negative: any
	WriteTimeout       time.Duration // for each PDU; default 30 s
	ShutdownTimeout    time.Duration // to finish messages after the ctx of Serve has ended; default 20 s

	ImplementationClassUID    string // default uid.Implementation
	ImplementationVersionName string // default uid.ImplementationVersionName

	Log *slog.Logger // default slog.Default()

	mu        sync.Mutex
	stopping  bool
	listeners map[net.Listener]struct{}
	conns     map[*ul.Conn]struct{}
	pending   []*ul.Conn        // connections in conns without a request, oldest first
	evicted   int               // number removed from pending and not logged yet
	admitted  map[admission]int // open associations by peer
	total     int               // sum of the values of admitted
	ended     chan struct{}     // closed when the server stops and no connection is left
}

// DefaultIdleTimeout is the default time that an association may be open without a message.
const DefaultIdleTimeout = 5 * time.Minute

// DefaultMinRate is the default lowest rate of a message in bytes per second, a tenth of the
// speed of a modem.
const DefaultMinRate = 512

// minPDULength is the least maximum PDU length in bytes that can be announced: the header of a
// PDV and some data (PS3.8 9.3.5.1).
const minPDULength = 8

// drainGrace is how long an association may be idle while the server stops.
const drainGrace = time.Second

// acceptPause is the pause of Serve after an error of Accept, such as too many open files.
const acceptPause = 50 * time.Millisecond

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

func (s *Server) log() *slog.Logger { return or(s.Log, slog.Default()) }

// Serve accepts associations on ln until Shutdown is called or ctx ends. Then it waits for
// messages in progress and returns nil. It closes ln. The context of the Backend and of
// sessions is valid until then, longer than ctx.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	defer ln.Close()
	if err := s.check(); err != nil {
		return err
	}
	if !s.listen(ln) {
		return nil
	}
	sessions, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	for {
		nc, err := ln.Accept()
		if err == nil {
			s.start(sessions, nc)
			continue
		}
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			break
		}
		s.log().Error("cannot accept a connection", "error", err)
		pause(ctx, acceptPause)
	}
	grace, release := context.WithTimeout(context.WithoutCancel(ctx), or(s.ShutdownTimeout, 20*time.Second))
	defer release()
	if err := s.Shutdown(grace); err != nil {
		s.log().Warn("associations were cut off at shutdown", "error", err)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// check returns an error if the configuration would reject everything or offers what the server
// does not implement.
func (s *Server) check() error {
	if s.Backend == nil {
		return errors.New("serve DICOM: no Backend")
	}
	if n := s.MaxPDULength; n != 0 && n < minPDULength {
		return fmt.Errorf("serve DICOM: maximum PDU length %d: want at least %d", n, minPDULength)
	}
	for _, title := range s.AETitles {
		if err := uid.CheckAETitle(title); err != nil {
			return fmt.Errorf("serve DICOM: %w", err)
		}
	}
	for _, c := range s.Contexts {
		for _, s := range append([]string{c.AbstractSyntax}, c.TransferSyntaxes...) {
			if err := uid.Check(s); err != nil {
				return fmt.Errorf("serve DICOM: supported context %q: %w", c.AbstractSyntax, err)
			}
		}
	}
	return nil
}

func (s *Server) listen(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	if s.listeners == nil {
		s.listeners = map[net.Listener]struct{}{}
		s.conns = map[*ul.Conn]struct{}{}
		s.admitted = map[admission]int{}
		s.ended = make(chan struct{})
	}
	s.listeners[ln] = struct{}{}
	return true
}

// start registers the connection before it serves it, so that Shutdown finds every connection.
func (s *Server) start(ctx context.Context, nc net.Conn) {
	conn := ul.NewConn(nc, true, or(s.MaxPDULength, DefaultMaxPDULength), ul.Timeouts{
		ARTIM: or(s.AssociationTimeout, 30*time.Second),
		Read:  or(s.ReadTimeout, 30*time.Second),
		Write: or(s.WriteTimeout, 30*time.Second),
		Rate:  or(s.MinRate, DefaultMinRate),
	})
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		_ = nc.Close()
		return
	}
	s.conns[conn] = struct{}{}
	s.enter(conn)
	s.mu.Unlock()
	a := &association{core: core{conn: conn}, server: s, nc: nc}
	go func() {
		defer s.forget(conn)
		a.serve(ctx)
	}()
}

func (s *Server) forget(conn *ul.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
	s.leave(conn)
	if s.stopping && len(s.conns) == 0 {
		close(s.ended)
	}
}

// Associations returns the number of open associations.
func (s *Server) Associations() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// Shutdown stops accepting, waits until each association has finished its current message and
// returns when all have ended. If ctx ends first it closes the remaining connections and
// returns an error.
func (s *Server) Shutdown(ctx context.Context) error {
	ended := s.stop()
	if ended == nil {
		return nil
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-ended:
		return nil
	default:
	}
	for conn := range s.conns {
		conn.Kill()
	}
	return fmt.Errorf("shut down: %d connections closed: %w", len(s.conns), context.Cause(ctx))
}

// stop starts the shutdown once. Its channel is closed when no connection is left.
func (s *Server) stop() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.stopping
	s.stopping = true
	for ln := range s.listeners {
		_ = ln.Close()
	}
	for conn := range s.conns {
		conn.Drain(drainGrace)
	}
	if first && s.ended != nil && len(s.conns) == 0 {
		close(s.ended)
	}
	return s.ended
}
