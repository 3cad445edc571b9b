package node

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/uid"
)

// A reload says what was taken and what waits for a restart.
func TestReloadReports(t *testing.T) {
	n, log := keeper(t, configs.Retention{Keep: time.Hour})
	c := *n.config.Load()
	c.Retention.Keep, c.Node.AETitle, c.Log.Level = 2*time.Hour, "OTHER", "debug"
	n.Reload(c)
	for _, want := range []string{`msg="configuration reloaded" peers=0 routes=0 changed=retention`, `level=WARN msg="changes wait for a restart" keys="node log"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %s:\n%s", want, log)
		}
	}
	if n.config.Load().Node.AETitle == "OTHER" {
		t.Error("the AE title changed without a restart")
	}
}

// A delivery that waits for a destination calls the address that a reload has given it, or nobody
// if the reload has removed it.
func TestAReloadReachesWaitingDeliveries(t *testing.T) {
	for name, c := range map[string]struct {
		peers []configs.Peer
		want  string
	}{
		"corrected": {[]configs.Peer{{Name: "pacs", AETitle: "PACS", Address: "127.0.0.1:2"}}, "127.0.0.1:2"},
		"removed":   {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			n, _ := keeper(t, configs.Retention{Keep: time.Hour})
			config := *n.config.Load()
			config.Peers = []configs.Peer{{Name: "pacs", AETitle: "PACS", Address: "127.0.0.1:1"}}
			n.Reload(config)
			n.destinations.log = n.log
			n.destinations.failed("pacs", 1, 1, true, errRefused)
			ctx := &waited{Context: t.Context(), begun: make(chan struct{})}
			var peer configs.Peer
			var err error
			done := make(chan struct{})
			go func() {
				defer close(done)
				peer, err = n.readyPeer(ctx, "pacs")
			}()
			<-ctx.begun
			config.Peers = c.peers
			n.Reload(config)
			<-done
			if peer.Address != c.want || (err == nil) != (c.want != "") {
				t.Errorf("calls %q, %v; want %q", peer.Address, err, c.want)
			}
		})
	}
}

// waited tells when somebody waits for it.
type waited struct {
	context.Context
	once  sync.Once
	begun chan struct{}
}

func (w *waited) Done() <-chan struct{} {
	w.once.Do(func() { close(w.begun) })
	return w.Context.Done()
}

// Every class that is kept is one of the standard.
func TestOtherClassesAreTheStandards(t *testing.T) {
	for _, class := range otherSOPClasses {
		if uid.Name(class) == class {
			t.Errorf("%s is no SOP class of PS3.6", class)
		}
	}
}
