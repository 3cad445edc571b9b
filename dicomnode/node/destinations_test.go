package node

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dicomnode/dicomnode/nodetest"
)

var errRefused = errors.New("connection refused")

func newDestinations() (*destinations, *nodetest.Buffer) {
	log := &nodetest.Buffer{}
	return &destinations{log: slog.New(slog.NewTextHandler(log, nil))}, log
}

// A destination that is down for a day is asked about once a minute, however many
// deliveries wait for it, and told of in the log at growing intervals.
func TestADeadDestinationIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, log := newDestinations()
		var mu sync.Mutex
		calls := 0
		call := func(context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			calls++
			return errRefused
		}
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		var g sync.WaitGroup
		for range 20 {
			g.Go(func() {
				for ctx.Err() == nil {
					err := d.ready(ctx, "pacs", call)
					if err == nil {
						err = call(ctx)
					}
					if ctx.Err() == nil && !errors.Is(err, errDown) { // what was not tried is no failure
						d.failed("pacs", 12, 1, true, err)
					}
				}
			})
		}
		g.Wait()
		if most := 24*60 + 20 + 10; calls > most || calls < 24*60-10 {
			t.Errorf("called %d times in a day, want about one a minute", calls)
		}
		lines := strings.Count(log.String(), "level=WARN")
		if lines < 6 || lines > 12 {
			t.Errorf("%d warnings in a day, want some:\n%s", lines, log)
		}
	})
}

// When it answers again all go on at once, and the log says so.
func TestADestinationComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, log := newDestinations()
		d.failed("pacs", 12, 1, true, errRefused)
		alive := func(context.Context) error { return nil }
		var g sync.WaitGroup
		begun := time.Now()
		for range 5 {
			g.Go(func() {
				if err := d.ready(t.Context(), "pacs", alive); err != nil {
					t.Error(err)
				}
			})
		}
		g.Wait()
		if waited := time.Since(begun); waited != probeFirst {
			t.Errorf("waited %v, want %v", waited, probeFirst)
		}
		d.worked("pacs")
		for _, want := range []string{`msg="destination fails" destination=pacs job=12 object=1 error="connection refused"`, `msg="destination works again" destination=pacs failures=1 failed_for=5s`} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("log lacks %s:\n%s", want, log)
			}
		}
	})
}

// A destination that answers with a refusal is not down, and another one is not
// concerned.
func TestRefusalsDoNotStopADestination(t *testing.T) {
	d, _ := newDestinations()
	d.failed("pacs", 12, 1, false, errors.New("status A700"))
	d.failed("other", 13, 1, true, errRefused)
	if err := d.ready(t.Context(), "pacs", func(context.Context) error { return errRefused }); err != nil {
		t.Error(err)
	}
}

// A reload while a destination is probed wakes who waits for it, and the probe ends as it would
// have.
func TestAReloadDuringAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := newDestinations()
		d.failed("pacs", 12, 1, true, errRefused)
		slow := func(context.Context) error {
			<-time.After(10 * time.Second)
			return errRefused
		}
		begun := time.Now()
		var g sync.WaitGroup
		g.Go(func() {
			if err := d.ready(t.Context(), "pacs", slow); !errors.Is(err, errDown) {
				t.Errorf("the probe ended with %v", err)
			}
		})
		<-time.After(probeFirst + time.Second)
		g.Go(func() {
			if err := d.ready(t.Context(), "pacs", slow); err != nil || time.Since(begun) > probeFirst+2*time.Second {
				t.Errorf("after the reload: %v after %v", err, time.Since(begun))
			}
		})
		<-time.After(time.Second)
		d.forget()
		g.Wait()
	})
}

// A delivery that waits while another call probes waits for its end, and for a delivery that
// succeeds in the meantime, without looking again and again.
func TestWaitingForAProbe(t *testing.T) {
	for name, c := range map[string]struct {
		worked time.Duration // after the begin of the probe; 0: not at all
		want   time.Duration
	}{
		"the probe ends":      {0, time.Minute},
		"a delivery succeeds": {time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, _ := newDestinations()
				d.failed("pacs", 12, 1, true, errRefused)
				slow := func(context.Context) error { <-time.After(time.Minute); return nil }
				var g sync.WaitGroup
				<-time.After(probeFirst)
				g.Go(func() { _ = d.ready(t.Context(), "pacs", slow) }) // succeeds in the end
				synctest.Wait()
				begun := time.Now()
				ctx := &counting{Context: t.Context()}
				g.Go(func() {
					if err := d.ready(ctx, "pacs", slow); err != nil {
						t.Error(err)
					}
					if waited := time.Since(begun); waited != c.want || ctx.looks > 2 {
						t.Errorf("waited %v and looked %d times, want %v and at most twice", waited, ctx.looks, c.want)
					}
				})
				if c.worked > 0 {
					<-time.After(c.worked)
					d.worked("pacs")
				}
				g.Wait()
			})
		})
	}
}

// counting counts how often somebody asks whether the context has ended.
type counting struct {
	context.Context
	looks int
}

func (c *counting) Err() error {
	c.looks++
	return c.Context.Err()
}
