package scp

import (
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

// association is one connection to a Server, from its first byte to its end.
type association struct {
	server   *Server
	conn     *ul.Conn
	nc       net.Conn
	peer     Peer
	log      *slog.Logger
	session  Session
	contexts map[byte]accepted
	stored   int
}

// accepted is a presentation context that was accepted.
type accepted struct{ abstractSyntax, transferSyntax string }

// serve runs the association. A panic anywhere in it, sessions included, ends
// only this association.
func (a *association) serve(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a.peer.Remote = remoteOf(a.nc)
	a.log = a.server.log().With("remote", a.nc.RemoteAddr().String())
	defer a.conn.Close()
	defer a.recovered()
	rq, err := a.conn.Request()
	if err != nil {
		a.log.Warn("connection closed without association", "error", err)
		return
	}
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
	a.converse(ctx)
}

func (a *association) recovered() {
	p := recover()
	if p == nil {
		return
	}
	// The value may quote anything; its type and the stack do not.
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
	if secure, ok := a.nc.(*tls.Conn); ok {
		state := secure.ConnectionState()
		a.peer.TLS = &state
	}
	a.log = a.log.With("calling", a.peer.Calling, "called", a.peer.Called)
}

// admit asks everyone who may refuse. release closes the session and gives the
// place back.
func (a *association) admit(ctx context.Context, rq *ul.Associate) (release func(), err error) {
	if rq.ApplicationContext != uid.ApplicationContext {
		return nil, &RejectError{1, 1, 2, errors.New("application context name is not DICOM's")}
	}
	if len(a.server.AETitles) > 0 && !slices.Contains(a.server.AETitles, rq.Called) {
		return nil, &RejectError{1, 1, 7, errors.New("no such AE title here")}
	}
	leave, rejected := a.server.admit(a.peer)
	if rejected != nil {
		return nil, rejected
	}
	entered := false
	defer func() {
		if !entered { // refused, or a panic of the Backend
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

func (a *association) refuse(err error) {
	rj, why := &ul.Reject{Result: 2, Source: 1, Reason: 1}, err
	var rejected *RejectError
	if errors.As(err, &rejected) {
		if chosen := (&ul.Reject{Result: rejected.Result, Source: rejected.Source, Reason: rejected.Reason}); chosen.Known() {
			rj, why = chosen, rejected.Err
		}
	}
	a.log.Warn("association refused", "reason", ul.RejectWords(rj.Result, rj.Source, rj.Reason), "error", why)
	if err := a.conn.Reject(rj); err != nil {
		a.log.Warn("refusal not sent", "error", err)
	}
}

// accept answers each presentation context proposed (PS3.8 9.3.3). The maximum
// length and the implementation are announced; the asynchronous operations
// window is 1/1 (PS3.7 D.3.3.3).
func (a *association) accept(rq *ul.Associate) error {
	s := a.server
	answers, contexts := s.negotiate(rq.Contexts)
	a.contexts = contexts
	ac := rq.Answer()
	ac.Contexts = answers
	ac.User = ul.UserInformation{
		MaximumLength:             or(s.MaxPDULength, DefaultMaxPDULength),
		ImplementationClassUID:    or(s.ImplementationClassUID, uid.Implementation),
		ImplementationVersionName: or(s.ImplementationVersionName, uid.ImplementationVersionName),
	}
	if rq.User.Window != nil {
		ac.User.Window = &ul.Window{Invoked: 1, Performed: 1}
	}
	a.log.Info("association accepted", "contexts", len(contexts), "proposed", len(rq.Contexts))
	if len(contexts) == 0 {
		a.log.Warn("no presentation context of the association is supported", "first", uid.Name(rq.Contexts[0].AbstractSyntax))
	}
	return a.conn.Accept(ac)
}

// negotiate judges each context on its own (PS3.8 Table 9-18). Of the transfer
// syntaxes proposed, the one the server prefers is taken.
func (s *Server) negotiate(proposed []ul.Context) (answers []ul.Context, contexts map[byte]accepted) {
	contexts = map[byte]accepted{}
	for _, c := range proposed {
		answer := ul.Context{ID: c.ID, TransferSyntaxes: []string{c.TransferSyntaxes[0]}} // not significant unless accepted
		supported := s.transferSyntaxes(c.AbstractSyntax)
		i := slices.IndexFunc(supported, func(ts string) bool { return slices.Contains(c.TransferSyntaxes, ts) })
		switch {
		case len(supported) == 0:
			answer.Result = ul.AbstractSyntaxUnsupported
		case i < 0:
			answer.Result = ul.TransferSyntaxUnsupported
		default:
			answer.TransferSyntaxes[0] = supported[i]
			contexts[c.ID] = accepted{c.AbstractSyntax, supported[i]}
		}
		answers = append(answers, answer)
	}
	return answers, contexts
}

func (s *Server) transferSyntaxes(abstractSyntax string) (supported []string) {
	for _, c := range s.Contexts {
		if c.AbstractSyntax == abstractSyntax {
			supported = append(supported, c.TransferSyntaxes...)
		}
	}
	if abstractSyntax == uid.Verification {
		supported = append(supported, uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian)
	}
	return supported
}

// converse serves messages until the association ends.
func (a *association) converse(ctx context.Context) {
	begun := time.Now()
	var err error
	for err == nil {
		var m *dimse.Message
		if m, err = dimse.Read(a.conn, or(a.server.IdleTimeout, 60*time.Second)); err == nil {
			err = a.perform(ctx, m)
		}
	}
	log := a.log.With("stored", a.stored, "took", time.Since(begun))
	if errors.Is(err, ul.ErrReleased) && !errors.Is(err, io.ErrUnexpectedEOF) { // not within a message
		log.Info("association released")
		return
	}
	log.Warn("association ended", "error", err)
}
