package scp

import (
	"fmt"
	"slices"
	"sync"

	"dicomnode/internal/ul"
)

// admission is the key of the count for MaxAssociationsPerPeer.
type admission struct{ calling, address string }

// Default number of connections without an A-ASSOCIATE-RQ: a quarter of the descriptors of the
// process, within these limits.
const (
	minPending = 8
	maxPending = 128
)

func (s *Server) maxPending() int {
	if s.MaxPending > 0 {
		return s.MaxPending
	}
	if limit := descriptors(); limit > 0 {
		return int(min(max(limit/4, minPending), maxPending))
	}
	return maxPending
}

// enter registers a connection without a request. Anyone can open any number of these.
// Therefore, at the limit, the oldest one is closed, so that they do not use up the descriptors
// of admitted associations. s.mu must be held.
func (s *Server) enter(conn *ul.Conn) {
	for len(s.pending) > 0 && len(s.pending) >= s.maxPending() {
		s.pending[0].Kill()
		s.pending = s.pending[1:]
		s.evicted++
	}
	s.pending = append(s.pending, conn)
}

// requested removes the connection from those without a request. It logs how many of these were
// closed to make room since the last call.
func (s *Server) requested(conn *ul.Conn) {
	s.mu.Lock()
	s.leave(conn)
	evicted := s.evicted
	s.evicted = 0
	s.mu.Unlock()
	if evicted > 0 {
		s.log().Warn("connections without a request closed to make room", "count", evicted, "at_once", s.maxPending())
	}
}

// leave removes a connection without a request. s.mu must be held.
func (s *Server) leave(conn *ul.Conn) {
	if i := slices.Index(s.pending, conn); i >= 0 {
		s.pending = slices.Delete(s.pending, i, i+1)
	}
}

// admit counts the association of p, or rejects it if there are too many.
func (s *Server) admit(p Peer) (release func(), rejected *RejectError) {
	who := admission{p.Calling, p.Remote.Addr().String()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.MaxAssociations > 0 && s.total >= s.MaxAssociations {
		return nil, rejection(ul.RejectLocalLimit, fmt.Errorf("too many open associations (%d)", s.total))
	}
	if s.MaxAssociationsPerPeer > 0 && s.admitted[who] >= s.MaxAssociationsPerPeer {
		return nil, rejection(ul.RejectLocalLimit, fmt.Errorf("too many open associations of this peer (%d)", s.admitted[who]))
	}
	s.admitted[who]++
	s.total++
	return sync.OnceFunc(func() { s.dismiss(who) }), nil
}

func (s *Server) dismiss(who admission) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.admitted[who]--; s.admitted[who] == 0 {
		delete(s.admitted, who)
	}
}
