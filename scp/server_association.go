package scp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"dicomnode/internal/dimse"
	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
)

// association is one connection to a Server.
type association struct {
	core
	server  *Server
	nc      net.Conn
	peer    Peer
	offered int // number of presentation contexts proposed for C-STORE
}

// serve runs the association. A panic in it, including its session, ends this association only.
func (a *association) serve(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a.peer.Remote = remoteOf(a.nc)
	a.log = a.server.log().With("remote", a.nc.RemoteAddr().String())
	defer a.conn.Close()
	defer a.recovered()
	rq, err := a.conn.Request()
	if err != nil {
		failed := failedHandshake(a.nc)
		a.log.Log(ctx, levelOf(err), "connection closed without association", "error", explain(cmp.Or(failed, err)))
		if failed != nil {
			a.tell(explain(failed))
		}
		return
	}
	a.server.requested(a.conn)
	a.describe(rq)
	release, err := a.admit(ctx, rq)
	if err != nil {
		a.refuse(err)
		return
	}
	defer release()
	if err := a.accept(rq); err != nil {
		a.log.Warn("association ended", "error", err)
		return
	}
	a.serveMessages(ctx)
}

func (a *association) recovered() {
	p := recover()
	if p == nil {
		return
	}
	// The panic's value may contain patient data; its type and the stack do not.
	a.log.Error("association ended by a panic", "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
	a.conn.Abort()
}

func remoteOf(nc net.Conn) netip.AddrPort {
	if tcp, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		remote := tcp.AddrPort()
		return netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	}
	return netip.AddrPort{}
}

func (a *association) describe(rq *ul.Associate) {
	a.peer.Calling, a.peer.Called = rq.Calling, rq.Called
	a.peer.ImplementationClassUID = rq.User.ImplementationClassUID
	a.peer.ImplementationVersionName = rq.User.ImplementationVersionName
	if secure, ok := a.nc.(interface{ ConnectionState() tls.ConnectionState }); ok {
		state := secure.ConnectionState()
		a.peer.TLS = &state
	}
	a.log = a.log.With("calling", loggable(a.peer.Calling), "called", loggable(a.peer.Called))
}

// levelOf returns the log level of a connection without a request. Load balancers and monitors
// open and close one every few seconds, and connections closed to make room are logged
// together.
func levelOf(err error) slog.Level {
	if errors.Is(err, ul.ErrNoRequest) || errors.Is(err, net.ErrClosed) {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// loggable makes an AE title safe for a log: a request may contain any bytes.
func loggable(title string) string {
	b := []byte(title)
	for i, c := range b {
		if c < 0x20 || c > 0x7E {
			b[i] = '?'
		}
	}
	return string(b)
}

// admit checks the request against all limits and asks the Backend. release closes the session
// and ends the count of the association.
func (a *association) admit(ctx context.Context, rq *ul.Associate) (release func(), err error) {
	if rejected := a.server.checkRequest(rq); rejected != nil {
		a.tell(rejected)
		return nil, rejected
	}
	leave, rejected := a.server.admit(a.peer)
	if rejected != nil {
		a.tell(rejected)
		return nil, rejected
	}
	entered := false
	defer func() {
		if !entered { // rejected, or a panic of the Backend
			leave()
		}
	}()
	if a.session, err = a.server.Backend.NewSession(ctx, a.peer); err != nil {
		return nil, err
	}
	entered = true
	return sync.OnceFunc(func() {
		defer leave()
		if err := a.session.Close(); err != nil {
			a.log.Error("session did not close", "error", err)
		}
	}), nil
}

// tell tells the Backend of a peer that was refused without it.
func (a *association) tell(err error) {
	if told, ok := a.server.Backend.(RefusalBackend); ok {
		told.Refused(a.peer, err)
	}
}

// checkRequest rejects a request by its own content.
func (s *Server) checkRequest(rq *ul.Associate) *RejectError {
	if rq.ApplicationContext != uid.ApplicationContext {
		return rejection(ul.RejectApplicationContext, errors.New("application context name is not DICOM's"))
	}
	if err := uid.CheckAETitle(rq.Called); err != nil {
		return rejection(ul.RejectCalledAETitle, err)
	}
	if err := uid.CheckAETitle(rq.Calling); err != nil {
		return rejection(ul.RejectCallingAETitle, err)
	}
	if len(s.AETitles) > 0 && !slices.Contains(s.AETitles, rq.Called) {
		return rejection(ul.RejectCalledAETitle, errors.New("no such AE title here"))
	}
	return nil
}

func (a *association) refuse(err error) {
	rj, why := ul.RejectForNow, err
	var rejected *RejectError
	if errors.As(err, &rejected) && rejected.codes().Known() {
		rj, why = rejected.codes(), rejected.Err
	}
	a.log.Warn("association refused", "reason", rj.String(), "error", why)
	if err := a.conn.Reject(&rj); err != nil {
		a.log.Warn("refusal not sent", "error", err)
	}
}

// serveMessages handles messages until the association ends.
func (a *association) serveMessages(ctx context.Context) {
	begun := time.Now()
	var err error
	for err == nil {
		var m *dimse.Message
		if m, err = dimse.Read(a.conn, or(a.server.IdleTimeout, DefaultIdleTimeout)); err == nil {
			err = a.perform(ctx, m)
		}
	}
	log := a.log.With("stored", a.stored, "took", time.Since(begun))
	if errors.Is(err, ul.ErrReleased) && !errors.Is(err, io.ErrUnexpectedEOF) { // released between messages
		if a.stored == 0 && a.offered > 0 {
			log.Warn("association released with nothing stored", "storage_contexts", a.offered)
			return
		}
		log.Info("association released")
		return
	}
	log.Warn("association ended", "error", err)
}
