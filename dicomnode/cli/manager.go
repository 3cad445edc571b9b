package cli

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// manager reports the state of the node to the service manager over the socket in NOTIFY_SOCKET
// (sd_notify(3)), if there is one.
type manager struct{ log *slog.Logger }

// States of sd_notify.
const (
	ready    = daemon.SdNotifyReady
	stopping = daemon.SdNotifyStopping + "\nSTATUS=finishing open associations and running jobs"
)

func (m manager) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		m.log.Warn("cannot notify the service manager", "state", state, "error", err)
	}
}

// reloading runs f between RELOADING=1 and READY=1. Type=notify-reload also requires the time
// of the monotonic clock.
func (m manager) reloading(f func()) {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // it exists on every Linux
	m.tell(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/1000))
	f()
	m.tell(ready)
}

// watch resets the watchdog of the service manager until ctx ends, four times within
// WatchdogSec=, as long as alive returns no error. If alive does not return within half of
// WatchdogSec=, the node counts as dead: the manager then kills and restarts the process.
func (m manager) watch(ctx context.Context, alive func(context.Context) error) {
	within, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		m.log.Warn("cannot reset the watchdog of the service manager", "error", err)
	}
	if within <= 0 {
		return
	}
	tick := time.NewTicker(within / 4)
	defer tick.Stop()
	for {
		m.answer(ctx, within/2, alive)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (m manager) answer(ctx context.Context, patience time.Duration, alive func(context.Context) error) {
	asked, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch err := alive(asked); {
	case err == nil:
		m.tell(daemon.SdNotifyWatchdog)
	case ctx.Err() == nil:
		m.log.Error("the node is not working: the service manager will restart it", "error", err)
	}
}
