package node

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/archive"
)

// A part that fails ends the node: one that receives and does no jobs would go
// unnoticed for long.
func TestServeEndsWithItsParts(t *testing.T) {
	n, log := keeper(t, configs.Retention{})
	n.server = newServer(*n.config.Load(), n, nil, n.log)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	began, worked := make(chan struct{}), make(chan error, 1)
	n.keep(t, "first", archive.Dark)
	go func() { // the jobs are somebody else's: n.Serve cannot have them
		worked <- n.archive.Work(ctx, archive.Handlers{Dark: func(context.Context, archive.Object) error { close(began); return nil }})
	}()
	<-began
	served := make(chan error, 1)
	go func() { served <- n.Serve(ctx, ln) }()
	select {
	case err := <-served:
		if err == nil || !strings.Contains(err.Error(), "work is being done already") {
			t.Errorf("serve: %v", err)
		}
	case <-time.After(nodetest.Time):
		t.Error("the node goes on without doing jobs")
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("the node still listens")
	}
	if !strings.Contains(log.String(), "shutting down") {
		t.Errorf("log: %s", log)
	}
	cancel()
	if err := <-worked; err != nil {
		t.Error(err)
	}
}
