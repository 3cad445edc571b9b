package ul_test

import (
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dicomnode/internal/ul"
)

// TestReleaseCollision: both sides request the release (PS3.8 7.2.2). The requestor answers
// first, the acceptor after it got its answer; both end without error.
func TestReleaseCollision(t *testing.T) {
	response := encoded(t, &ul.Release{Response: true})
	for name, c := range map[string]struct {
		acceptor   bool
		user       func(*ul.Conn) error
		first      ul.PDU
		onRQ, onRP string
		data       bool // P-DATA arrives before the peer's request
	}{
		"requestor":            {false, then(requestor, (*ul.Conn).Release), answer(), string(response), "", false},
		"acceptor":             {true, then(acceptor, (*ul.Conn).Release), request(), "", string(response), false},
		"requestor, with data": {false, then(requestor, (*ul.Conn).Release), answer(), string(response), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSide(c.acceptor, c.user)
				if sent := s.play(t, encoded(t, c.first)); !strings.HasSuffix(string(sent), string(encoded(t, &ul.Release{}))) {
					t.Fatalf("got %x, want an A-RELEASE-RQ at the end", sent)
				}
				if c.data {
					if sent := s.play(t, encoded(t, pdus["P-DATA-TF"])); len(sent) != 0 {
						t.Errorf("answered data by %x", sent)
					}
				}
				if sent := s.play(t, encoded(t, &ul.Release{})); string(sent) != c.onRQ {
					t.Errorf("answered A-RELEASE-RQ by %x, want %x", sent, c.onRQ)
				}
				if sent := s.play(t, response); string(sent) != c.onRP {
					t.Errorf("answered A-RELEASE-RP by %x, want %x", sent, c.onRP)
				}
				_ = s.peer.Close()
				if err := <-s.done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestReleaseUnanswered: an unanswered A-RELEASE-RQ ends by A-ABORT after the ARTIM time, even
// if data keeps arriving.
func TestReleaseUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSide(false, then(requestor, (*ul.Conn).Release))
		s.play(t, encoded(t, answer()))
		begun := time.Now()
		for time.Since(begun) < 50*time.Second {
			<-time.After(10 * time.Second)
			s.play(t, encoded(t, pdus["P-DATA-TF"]))
		}
		if err := <-s.done; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want the timeout", err)
		}
		if took := time.Since(begun); took != time.Minute {
			t.Errorf("gave up after %v, want 1m", took)
		}
		if sent := s.taken(); !strings.HasPrefix(hex.EncodeToString(sent), "07") {
			t.Errorf("sent %x, want an A-ABORT", sent)
		}
		_ = s.peer.Close()
	})
}
