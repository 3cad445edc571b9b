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

// Options configure a Pool; the zero value is useful.
type Options struct {
	Folder      string        // of the libraries; "": see [Folder]
	Workers     int           // greatest number of processes; 0: half of the cores
	Threads     int           // for one JPEG 2000 image; 0: the cores divided by the workers
	Confinement Confinement   // "": Preferred
	Deadline    time.Duration // time limit of a frame, in addition to that for its samples; 0: 10 s
	Command     []string      // starts a worker; nil: this program, if it has called Become
	Log         *slog.Logger  // nil: slog.Default()
}

// recycleAfter is how many images a worker decodes before it is replaced, because the libraries
// may leak memory.
const recycleAfter = 500

// Allocating new memory pages takes as long as decoding some codestreams. Therefore a worker
// keeps keptBytes of samples, a radiograph of eight million pixels, from one image to the next.
// It returns them when it has been idle for restAfter.
const (
	keptBytes = 16 << 20
	restAfter = 10 * time.Second
)

// Pool decodes codestreams in worker processes. Its methods may be called concurrently.
type Pool struct {
	asked       string // the folder in Options
	confinement Confinement
	command     []string
	threads     int
	deadline    time.Duration
	log         *slog.Logger
	starter     *starter
	idle        chan *process // idle workers; nil for one that is not started
	rest        *time.Timer   // calls relax
	look        sync.Mutex    // held by refresh

	mu     sync.Mutex // guards the fields below
	looked bool
	at     libraryState
	report Report
	able   map[string][]Family // by transfer syntax, in the order to try them
}

// Open returns a pool. It starts no worker: the first use finds out what can be decoded.
// Missing or unusable libraries are not an error: the pool then decodes nothing, and
// [Pool.Report] says why. Close the pool when done.
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

// Close ends the workers. It waits for images in progress.
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

// Decode decodes one frame and calls use with its values. The values are in shared memory and
// are valid only until use returns. Decode waits for a free worker; decoding may then take 10 s
// and 1 s per million samples. It returns ErrMissing, ErrMalformed, ErrTimeout, ErrWorker, the
// error of ctx, or that of use.
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
	decode := p.decode
	if f.spends(s, code) {
		decode = p.decodeOnce
	} else {
		f.Spend = nil
	}
	w, px, err := decode(ctx, families, &f, code)
	if err != nil {
		return err
	}
	defer p.give(w)
	return use(px)
}

// decode tries each family whose library can decode the transfer syntax, and each variant of
// the codestream. If all fail it returns the first error. After ErrWorker it tries no further
// variant with the same family. The returned worker has the values.
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

// decodeOnce spends the codestream, so that there is one attempt: in a new worker, which no
// previous image has damaged.
func (p *Pool) decodeOnce(ctx context.Context, families []Family, f *Frame, code stream) (*process, Pixels, error) {
	w, err := p.take(ctx)
	for err == nil && w.served > 0 {
		w.end()
		p.idle <- nil
		w, err = p.take(ctx)
	}
	if err != nil {
		return nil, Pixels{}, err
	}
	px, err := w.exchange(ctx, p.deadline+f.time(), families[0], f, variants(families[0], code)[0])
	if err != nil {
		w.end()
		p.idle <- nil
		return nil, px, err
	}
	return w, px, nil
}

// attempt decodes in a worker. If the worker ends, attempt tries once more in a new one,
// because a previous image may have damaged the first.
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

// take waits for a worker to be idle, and starts it if necessary.
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

// give returns a worker to the pool, or ends it after recycleAfter images. The worker keeps
// some memory for the next image until relax.
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

// relax makes idle workers return the memory that they keep.
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
