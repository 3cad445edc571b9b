package node

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/archive"
)

// What a destination refuses for less than an hour is tried again; each object has its
// own hour.
func TestRefusalsHaveAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r refusals
		tries := 0
		for !r.lasted(1, "pacs", refusedFor) {
			tries++
			<-time.After(10 * time.Minute)
		}
		if tries != 6 {
			t.Errorf("%d tries in an hour of one each 10 minutes, want 6", tries)
		}
		if r.lasted(2, "pacs", refusedFor) || r.lasted(1, "other", refusedFor) {
			t.Error("an object or a destination pays for another")
		}
		r.end(1, "pacs")
		if r.lasted(1, "pacs", refusedFor) {
			t.Error("an object that was sent again has no hour of its own")
		}
	})
}

// Time in which nothing could be sent is no part of an object's hour: the refusals of a PACS that
// shuts down and, hours later, starts again are no lasting ones.
func TestRefusalsEndWhereNothingIsSent(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, n *Node)
		begun   bool // the clock runs afterwards
	}{
		"no peer": {func(*testing.T, *Node) {}, true},
		"unreachable": {func(_ *testing.T, n *Node) {
			n.use(configs.Peer{Name: "pacs", AETitle: "PACS", Address: "127.0.0.1:1"})
		}, false},
		"down": {func(_ *testing.T, n *Node) {
			n.use(configs.Peer{Name: "pacs", AETitle: "PACS", Address: "127.0.0.1:1"})
			n.destinations.by = map[string]*destinationState{"pacs": {open: true, answered: make(chan struct{})}}
		}, false},
		"the node stops in a pause": {func(t *testing.T, n *Node) {
			if err := n.archive.PauseDestination(t.Context(), "pacs"); err != nil {
				t.Fatal(err)
			}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			n, _ := keeper(t, configs.Retention{})
			n.destinations.log = slog.New(slog.DiscardHandler)
			n.associations.dial = n.dial
			c.prepare(t, n)
			o := n.keep(t, "image", archive.Segment)
			n.refusals.lasted(o.ID, "pacs", 0)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			if _, err := n.store(ctx, o, "pacs"); err == nil {
				t.Fatal("delivered")
			}
			if begun := n.refusals.lasted(o.ID, "pacs", 0); begun != c.begun {
				t.Errorf("the clock runs: %v, want %v", begun, c.begun)
			}
		})
	}
}

// use replaces the peers of the configuration.
func (n *Node) use(peers ...configs.Peer) {
	c := *n.config.Load()
	c.Peers = peers
	n.config.Store(&c)
}
