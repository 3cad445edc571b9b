package cli

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/hint"
)

// Each reason that a port cannot be listened on has a hint of its own.
func TestListenHints(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{syscall.EADDRINUSE, "uses the port"}, {syscall.EACCES, "CAP_NET_BIND_SERVICE"}, {syscall.EADDRNOTAVAIL, "no interface of this machine"},
	} {
		if got := hint.Of(listenHint(fmt.Errorf("listen: %w", c.err))); !strings.Contains(got, c.want) {
			t.Errorf("%v: hint %q, want %q", c.err, got, c.want)
		}
	}
}

// Durations in the JSON log have their unit.
func TestJSONLogHasUnits(t *testing.T) {
	var b strings.Builder
	newLog(configs.Log{Format: "json"}, &b).Info("done", "took", 1500*time.Millisecond)
	if !strings.Contains(b.String(), `"took":"1.5s"`) {
		t.Error(b.String())
	}
}
