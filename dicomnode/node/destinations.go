package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"dicomnode/internal/hint"
)

const (
	// probeFirst is the pause before a destination that is down is probed again; it doubles
	// with each failure, up to probeMax.
	probeFirst = 5 * time.Second
	probeMax   = time.Minute
	// warnFirst is the pause before the log repeats that a destination fails; it is multiplied
	// by four each time, up to warnMax.
	warnFirst = time.Minute
	warnMax   = 6 * time.Hour
)

// destinations knows which destinations work. It is a circuit breaker for each of them: while a
// destination does not answer, one delivery probes it and the others wait for the result. It
// logs when a destination begins to fail, at intervals while it fails, and when it works again.
type destinations struct {
	log *slog.Logger

	mu sync.Mutex
	by map[string]*destinationState
}

type destinationState struct {
	since    time.Time // of the first failure; zero while it works
	failures int       // since then
	last     error
	warnAt   time.Time // when the log repeats the failure
	warnNext time.Duration

	open      bool      // only probes may call it
	probeAt   time.Time // time of the next probe
	probeNext time.Duration
	probing   bool
	answered  chan struct{} // closed when the state changes
}

// wake ends the waiting of all calls of ready; they look at the state again.
func (s *destinationState) wake() {
	close(s.answered)
	s.answered = make(chan struct{})
}

// errDown means that a destination was not called because it is down.
var errDown = errors.New("fails")

func (d *destinations) of(name string) *destinationState {
	if d.by == nil {
		d.by = map[string]*destinationState{}
	}
	if d.by[name] == nil {
		d.by[name] = &destinationState{answered: make(chan struct{})}
	}
	return d.by[name]
}

// ready returns nil if the destination may be called. While it is down, ready waits for the
// next probe, by this call or another; it returns errDown if the destination is still down.
func (d *destinations) ready(ctx context.Context, name string, probe func(context.Context) error) error {
	for waited := false; ; waited = true {
		d.mu.Lock()
		s := d.of(name)
		if !s.open {
			d.mu.Unlock()
			return nil
		}
		if waited && s.probeAt.After(time.Now()) { // another call has probed it meanwhile
			err := s.downError()
			d.mu.Unlock()
			return err
		}
		if !s.probing && !s.probeAt.After(time.Now()) {
			s.probing = true
			d.mu.Unlock()
			return d.probe(ctx, name, s, probe)
		}
		var due <-chan time.Time // nil while another call probes: its end wakes this one
		if !s.probing {
			due = time.After(time.Until(s.probeAt))
		}
		answered := s.answered
		d.mu.Unlock()
		select {
		case <-due:
		case <-answered:
		case <-ctx.Done():
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// probe calls the destination; s.probing was set. If [destinations.forget] is called meanwhile,
// nothing refers to s afterwards.
func (d *destinations) probe(ctx context.Context, name string, s *destinationState, probe func(context.Context) error) error {
	err := probe(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	s.probing = false
	s.wake()
	switch {
	case err == nil:
		s.open = false
		return nil
	case ctx.Err() != nil: // the probe was not completed
		return err
	}
	s.later()
	d.report(name, s, err)
	return s.downError()
}

// downError is the error of a delivery that was not tried.
func (s *destinationState) downError() error {
	return fmt.Errorf("not tried, the destination %w since %s: %w", errDown, s.since.Format(time.DateTime), s.last)
}

// later postpones the next probe.
func (s *destinationState) later() {
	s.probeNext = min(max(2*s.probeNext, probeFirst), probeMax)
	s.probeAt = time.Now().Add(s.probeNext)
}

// failed records that a delivery failed. unreachable means that the destination did not answer.
func (d *destinations) failed(name string, job, object int64, unreachable bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.of(name)
	if unreachable {
		s.open = true
		s.later()
	}
	d.report(name, s, err, "job", job, "object", object)
}

// report counts a failure and logs it the first time, and then at growing intervals. about are
// further keys and values for the log.
func (d *destinations) report(name string, s *destinationState, err error, about ...any) {
	now := time.Now()
	s.failures++
	s.last = err
	log := d.log.With("destination", name).With(about...).With("error", err)
	if text := hint.Of(err); text != "" {
		log = log.With("hint", text)
	}
	switch {
	case s.since.IsZero():
		s.since, s.warnNext = now, warnFirst
		log.Warn("destination fails")
	case now.Before(s.warnAt):
		log.Debug("destination fails")
		return
	default:
		log.Warn("destination still fails", "failures", s.failures, "since", s.since.Format(time.RFC3339))
		s.warnNext = min(4*s.warnNext, warnMax)
	}
	s.warnAt = now.Add(s.warnNext)
}

// worked records that a delivery succeeded.
func (d *destinations) worked(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.of(name)
	if !s.since.IsZero() {
		d.log.Info("destination works again", "destination", name, "failures", s.failures, "failed_for", time.Since(s.since).Round(time.Second))
	}
	s.wake()
	*s = destinationState{answered: s.answered, probing: s.probing}
}

// forget resets all destinations, because addresses may have changed.
func (d *destinations) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.by {
		s.wake()
	}
	d.by = nil
}
