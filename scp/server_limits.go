package scp

import (
	"fmt"
	"slices"
	"sync"

	"dicomnode/internal/ul"
)

// admission is what MaxAssociationsPerPeer counts by.
type admission struct{ calling, address string }

// Connections that may be without an A-ASSOCIATE-RQ where nothing is configured: a
// quarter of what the process may have open, within these bounds.
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

// enter makes room for a connection that has asked for nothing yet. Strangers can
// open as many as they like: the one that has been silent the longest goes, so that
// they take no descriptors from those who have been admitted. s.mu is held.
func (s *Server) enter(conn *ul.Conn) {
	for len(s.pending) > 0 && len(s.pending) >= s.maxPending() {
		s.pending[0].Kill()
		s.pending = s.pending[1:]
		s.evicted++
	}
	s.pending = append(s.pending, conn)
}

// requested takes the connection out of those without a request, and says how many
// were closed to make room since the last time.
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

// leave forgets a pending connection. s.mu is held.
func (s *Server) leave(conn *ul.Conn) {
	if i := slices.Index(s.pending, conn); i >= 0 {
		s.pending = slices.Delete(s.pending, i, i+1)
	}
}

// admit counts the association of p, unless there are too many.
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
