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
	// probeFirst is the pause before a destination that could not be reached is asked
	// again; it doubles with each failure, up to probeMost.
	probeFirst = 5 * time.Second
	probeMost  = time.Minute
	// warnFirst is the pause before the log says again that a destination fails; it
	// grows fourfold, up to warnMost.
	warnFirst = time.Minute
	warnMost  = 6 * time.Hour
)

// destinations know which destinations work. It keeps all deliveries from calling one
// that does not answer (a circuit breaker, each destination its own): one asks it by
// C-ECHO now and then, the others wait for the answer. It says in the log when a
// destination begins to fail, now and then that it still does, and when it works again.
type destinations struct {
	log *slog.Logger

	mu sync.Mutex
	by map[string]*destinationState
}

type destinationState struct {
	since    time.Time // of the first failure; zero while it works
	failures int       // since then
	last     error
	warnAt   time.Time // when the log says so again
	warnNext time.Duration

	open      bool      // nobody calls it but a probe
	probeAt   time.Time // when it is asked next
	probeNext time.Duration
	probing   bool
	answered  chan struct{} // closed when a probe ends
}

// errDown tells that a destination was not called because it does not answer.
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

// ready returns nil when the destination may be called. While it does not answer, ready
// waits until it is asked next, by this call or another; errDown says that it is still
// down then.
func (d *destinations) ready(ctx context.Context, name string, probe func(context.Context) error) error {
	for waited := false; ; waited = true {
		d.mu.Lock()
		s := d.of(name)
		if !s.open {
			d.mu.Unlock()
			return nil
		}
		if waited && s.probeAt.After(time.Now()) { // somebody asked meanwhile
			err := s.down()
			d.mu.Unlock()
			return err
		}
		if !s.probing && !s.probeAt.After(time.Now()) {
			s.probing = true
			d.mu.Unlock()
			return d.probe(ctx, name, s, probe)
		}
		wait, answered := time.NewTimer(max(time.Until(s.probeAt), time.Millisecond)), s.answered
		d.mu.Unlock()
		select {
		case <-wait.C:
		case <-answered:
		case <-ctx.Done():
		}
		wait.Stop()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// probe asks the destination; it was marked as being asked.
func (d *destinations) probe(ctx context.Context, name string, s *destinationState, probe func(context.Context) error) error {
	err := probe(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	s.probing = false
	close(s.answered)
	s.answered = make(chan struct{})
	switch {
	case err == nil:
		s.open = false
		return nil
	case ctx.Err() != nil: // it was not asked to the end
		return err
	}
	s.later()
	d.report(name, s, err)
	return s.down()
}

// down is the error of a delivery that was not tried.
func (s *destinationState) down() error {
	return fmt.Errorf("not tried, the destination %w since %s: %w", errDown, s.since.Format(time.DateTime), s.last)
}

// later puts the next probe off.
func (s *destinationState) later() {
	s.probeNext = min(max(2*s.probeNext, probeFirst), probeMost)
	s.probeAt = time.Now().Add(s.probeNext)
}

// failed notes that a delivery failed; unreachable tells that it was for want of an
// answer, not by one.
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

// report counts a failure and says so in the log: the first time, and then at growing
// intervals. about are keys and values of what else is known of it.
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
		s.warnNext = min(4*s.warnNext, warnMost)
	}
	s.warnAt = now.Add(s.warnNext)
}

// worked notes that a delivery succeeded.
func (d *destinations) worked(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.of(name)
	if !s.since.IsZero() {
		d.log.Info("destination works again", "destination", name, "failures", s.failures, "failed_for", time.Since(s.since).Round(time.Second))
	}
	answered := s.answered
	*s = destinationState{answered: answered, probing: s.probing}
}

// forget takes every destination for one that works: addresses may have changed.
func (d *destinations) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.by {
		close(s.answered)
	}
	d.by = nil
}
