package e2e

import (
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dicomnode/dicomnode/nodetest"
)

// TestServiceManager: the node tells its service manager when it receives, that it lives,
// when it reads its configuration again, and when its end begins (sd_notify(3)).
func TestServiceManager(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	var told nodetest.Buffer
	var reading sync.WaitGroup
	reading.Go(func() {
		for b := make([]byte, 4096); ; {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			told.Write(append(b[:n:n], '\n'))
		}
	})
	t.Cleanup(func() { _ = conn.Close(); reading.Wait() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "1000000")
	k := nodetest.NewProcess(t, "")
	k.Start(t)
	after := func(before int, want string) {
		t.Helper()
		nodetest.Until(t, want, func() bool { return strings.Contains(told.String()[before:], want) })
	}
	after(0, "READY=1\n")
	if !strings.HasPrefix(told.String(), "READY=1\n") {
		t.Errorf("told before it was ready: %q", told.String())
	}
	after(len(told.String()), "WATCHDOG=1\n")
	before := len(told.String())
	k.Hangup(t, "configuration reloaded")
	after(before, "RELOADING=1\nMONOTONIC_USEC=")
	after(before+strings.Index(told.String()[before:], "RELOADING=1"), "READY=1\n")
	before = len(told.String())
	k.Stop(t)
	after(before, "STOPPING=1\n")
}
