package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// listening stands for the service manager: what is told arrives in the channel.
func listening(t *testing.T) <-chan string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 100)
	go func() {
		defer close(told)
		for b := make([]byte, 4096); ; {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			told <- string(b[:n])
		}
	}()
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return told
}

// want waits for the next message, which must begin so.
func want(t *testing.T, told <-chan string, start string) string {
	t.Helper()
	select {
	case got := <-told:
		if !strings.HasPrefix(got, start) {
			t.Fatalf("told %q, want %q", got, start)
		}
		return got
	case <-time.After(10 * time.Second):
		t.Fatalf("%q was not told", start)
		return ""
	}
}

// TestWatchdog: the manager hears again and again of a node that lives.
func TestWatchdog(t *testing.T) {
	told := listening(t)
	t.Setenv("WATCHDOG_USEC", "40000") // 40 ms
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		manager{slog.New(slog.DiscardHandler)}.watch(ctx, func(context.Context) error { return nil })
	}()
	for range 3 {
		want(t, told, "WATCHDOG=1")
	}
	cancel()
	<-done
}

// TestWatchdogOfTheDead: the manager hears nothing of a node that does not answer, and
// the log says why it will be started again.
func TestWatchdogOfTheDead(t *testing.T) {
	told := listening(t)
	var log strings.Builder
	m := manager{slog.New(slog.NewTextHandler(&log, nil))}
	m.answer(t.Context(), time.Millisecond, func(ctx context.Context) error { <-ctx.Done(); return errors.New("stuck") })
	m.tell("STATUS=afterwards")
	want(t, told, "STATUS=afterwards")
	if !strings.Contains(log.String(), "error=stuck") {
		t.Errorf("log: %s", &log)
	}
}

// TestReloading: between the two messages the configuration is read.
func TestReloading(t *testing.T) {
	told := listening(t)
	manager{slog.New(slog.DiscardHandler)}.reloading(func() {
		if got := want(t, told, "RELOADING=1\nMONOTONIC_USEC="); strings.HasSuffix(got, "=0") {
			t.Errorf("told %q", got)
		}
	})
	want(t, told, "READY=1")
}
