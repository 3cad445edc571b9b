package codec

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"
)

// Options say how a Pool works; the zero value is useful.
type Options struct {
	Folder      string        // of the libraries; "": see [Folder]
	Workers     int           // processes at most; 0: half of the cores
	Threads     int           // of one JPEG 2000 image; 0: what the workers leave of the cores
	Confinement Confinement   // "": Preferred
	Deadline    time.Duration // of a frame before the time for its samples; 0: 10 s
	Command     []string      // starts a worker; nil: this program, which has called Become
	Log         *slog.Logger  // nil: slog.Default()
}

// recycleAfter is how many images a worker decodes before a new one takes its place:
// the libraries may leak.
const recycleAfter = 500

// New pages cost as much as decoding some codestreams: a worker keeps those of so many bytes
// of samples, a radiograph of eight million pixels, from one image to the next, but not when
// it rests.
const (
	keptBytes = 16 << 20
	restAfter = 10 * time.Second
)

// Pool decodes codestreams in worker processes. Its methods may be called by several
// goroutines at once.
type Pool struct {
	asked       string // the folder, as asked for
	confinement Confinement
	command     []string
	threads     int
	deadline    time.Duration
	log         *slog.Logger
	starter     *starter
	idle        chan *process // nil: not started yet
	rest        *time.Timer   // until relax
	look        sync.Mutex    // held while the libraries are looked at

	mu     sync.Mutex // guards the rest
	looked bool
	at     libraryState
	report Report
	able   map[string][]Family // by transfer syntax, the one to try first at the beginning
}

// Open makes a pool. It starts no worker yet: the first use finds out what can be
// decoded. That there are no libraries, or that they cannot be used, is not an error:
// the pool then decodes nothing, and [Pool.Report] says why. Close it when done.
func Open(o Options) (*Pool, error) {
	p := &Pool{asked: o.Folder, confinement: o.Confinement, command: o.Command, threads: o.Threads, deadline: o.Deadline, log: o.Log, starter: newStarter()}
	if p.confinement == "" {
		p.confinement = Preferred
	}
	if p.deadline == 0 {
		p.deadline = 10 * time.Second
	}
	if p.log == nil {
		p.log = slog.Default()
	}
	if p.command == nil && canWork.Load() {
		program, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program for its codec workers: %w", err)
		}
		p.command = []string{program, WorkerArgument}
	}
	workers := o.Workers
	if workers < 1 {
		workers = max(1, runtime.NumCPU()/2)
	}
	if p.threads < 1 {
		p.threads = max(1, runtime.NumCPU()/workers)
	}
	p.idle = make(chan *process, workers)
	for range workers {
		p.idle <- nil
	}
	p.rest = time.AfterFunc(restAfter, p.relax)
	return p, nil
}

// Close ends the workers. It waits for images that are being decoded.
func (p *Pool) Close() error {
	p.rest.Stop()
	for range cap(p.idle) {
		if w := <-p.idle; w != nil {
			w.end()
		}
	}
	p.starter.stop()
	return nil
}

// Decode decodes one frame and calls use with it. The values lie in the worker's memory, from
// which use takes them: when it returns they are gone. Decode waits for a worker, then for the
// image no longer than 10 s and 1 s for each million samples. Errors: ErrMissing,
// ErrMalformed, ErrTimeout, ErrWorker, that of ctx, and that of use.
func (p *Pool) Decode(ctx context.Context, f Frame, use func(Pixels) error) error {
	s, ok := syntaxOf(f.TransferSyntaxUID)
	if !ok {
		return fmt.Errorf("%w: no codec for transfer syntax %q", ErrMissing, printable([]byte(f.TransferSyntaxUID)))
	}
	code := newStream(f.Code)
	if err := f.check(s, code); err != nil {
		return err
	}
	families := p.can(s.uid)
	if len(families) == 0 {
		p.refresh()
		if families = p.can(s.uid); len(families) == 0 {
			return fmt.Errorf("%w: %s", ErrMissing, p.Report().missing(s.families[len(s.families)-1]))
		}
	}
	w, px, err := p.decode(ctx, families, &f, code)
	if err != nil {
		return err
	}
	defer p.give(w)
	return use(px)
}

// decode tries the families whose library decodes the transfer syntax, and the variants
// of the codestream; the error is that of the first. One that ends its workers is not tried
// with further variants. The worker that is returned has the values.
func (p *Pool) decode(ctx context.Context, families []Family, f *Frame, code stream) (*process, Pixels, error) {
	var first error
	for _, family := range families {
		for _, variant := range variants(family, code) {
			w, px, err := p.attempt(ctx, family, f, variant)
			if err == nil {
				return w, px, nil
			}
			if first == nil {
				first = err
			}
			if errors.Is(err, ErrWorker) {
				break
			}
			if !errors.Is(err, ErrMalformed) {
				return nil, px, err
			}
		}
	}
	return nil, Pixels{}, first
}

// attempt decodes in a worker, and in a second one if the first ended: it may have
// been killed for what another image left behind.
func (p *Pool) attempt(ctx context.Context, family Family, f *Frame, code stream) (*process, Pixels, error) {
	for range 2 {
		w, err := p.take(ctx)
		if err != nil {
			return nil, Pixels{}, err
		}
		px, err := w.exchange(ctx, p.deadline+f.time(), family, f, code)
		switch {
		case err == nil:
			return w, px, nil
		case errors.Is(err, ErrMalformed):
			p.give(w)
			return nil, px, err
		}
		w.end()
		p.idle <- nil
		p.log.Warn("codec worker ended", "family", family.String(), "error", fmt.Sprint(err, w.stderr))
		if !errors.Is(err, ErrWorker) {
			return nil, px, err
		}
	}
	return nil, Pixels{}, fmt.Errorf("%w twice on this image", ErrWorker)
}

// take waits for a worker's turn and starts it where there is none.
func (p *Pool) take(ctx context.Context) (*process, error) {
	var w *process
	select {
	case w = <-p.idle:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	at := p.current()
	if w != nil && w.at == at {
		return w, nil
	}
	if w != nil {
		w.end()
	}
	w, h, err := p.launch(at)
	if err == nil && h.Error != "" {
		w.end()
		err = fmt.Errorf("%w: %s", ErrMissing, h.Error)
	}
	if err != nil {
		p.idle <- nil
		return nil, err
	}
	return w, nil
}

// give puts a worker back, or its turn if it has served its time. It keeps some memory for
// the next image until it has rested.
func (p *Pool) give(w *process) {
	if err := w.forget(keptBytes); err != nil {
		p.log.Warn("codec worker ended: its memory is not given back", "error", err)
		w.served = recycleAfter
	}
	if w.served >= recycleAfter {
		w.end()
		w = nil
	} else {
		w.rests = time.Now()
		p.rest.Reset(restAfter)
	}
	p.idle <- w
}

// relax has workers that rest give back the memory that they keep.
func (p *Pool) relax() {
	for range cap(p.idle) {
		select {
		case w := <-p.idle:
			if w != nil && time.Since(w.rests) >= restAfter && w.forget(0) != nil {
				w.end()
				w = nil
			}
			p.idle <- w
		default:
			return
		}
	}
}
