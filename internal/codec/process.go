package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// process is a worker, as the pool sees it. One goroutine at a time uses it.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	stderr *excerpt
	at     libraryState // of the libraries it opened
	served int
}

// helloTime is how long a worker may take to open its libraries.
const helloTime = 20 * time.Second

// launch starts a worker and reads its hello.
func (p *Pool) launch(at libraryState) (*process, hello, error) {
	if len(p.command) == 0 {
		return nil, hello{}, errors.New("this program cannot be a codec worker")
	}
	args := append(p.command[1:len(p.command):len(p.command)], at.folder, string(p.confinement), strconv.Itoa(p.threads))
	w := &process{cmd: exec.Command(p.command[0], args...), stderr: &excerpt{}, at: at}
	w.cmd.Env = []string{"GOMAXPROCS=1", "GOGC=50", "GOTRACEBACK=none", "MALLOC_ARENA_MAX=1"}
	w.cmd.Dir = "/"
	w.cmd.Stderr = w.stderr
	w.cmd.SysProcAttr = attributes()
	var err error
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, hello{}, err
	}
	if w.out, err = w.cmd.StdoutPipe(); err != nil {
		return nil, hello{}, err
	}
	if err := p.starter.start(w.cmd); err != nil {
		return nil, hello{}, fmt.Errorf("start a codec worker: %w", err)
	}
	widen(w.in)
	widen(w.out)
	late := time.AfterFunc(helloTime, func() { w.cmd.Process.Kill() })
	defer late.Stop()
	h, err := getHello(w.out)
	if err != nil {
		w.end()
		return nil, h, fmt.Errorf("%w before its first answer%s", ErrWorker, w.stderr)
	}
	return w, h, nil
}

// end kills the process and waits for it.
func (w *process) end() {
	w.cmd.Process.Kill()
	w.cmd.Wait()
}

// exchange has the worker decode one codestream. The process must be ended after
// ErrWorker and ErrTimeout; it is killed after limit and when ctx ends.
func (w *process) exchange(ctx context.Context, limit time.Duration, family Family, f *Frame, code []byte) (Pixels, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, ErrTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { w.cmd.Process.Kill() })
	px, err := w.ask(family, f, code)
	if !stop() && err != nil { // killed by us
		return px, context.Cause(ctx)
	}
	return px, err
}

func (w *process) ask(family Family, f *Frame, code []byte) (px Pixels, err error) {
	q := request{uint32(family), uint32(f.Rows), uint32(f.Columns), uint32(f.Samples), uint32(len(code))}
	w.served++
	if err := put(w.in, &q); err != nil {
		return px, fmt.Errorf("%w: %v", ErrWorker, err)
	}
	if _, err := w.in.Write(code); err != nil {
		return px, fmt.Errorf("%w: %v", ErrWorker, err)
	}
	a, text, data, err := getAnswer(w.out, f.Rows*f.Columns*f.Samples)
	switch {
	case err != nil:
		return px, fmt.Errorf("%w: %v", ErrWorker, err)
	case a.Status == statusRefused:
		return px, fmt.Errorf("%w: %s", ErrMalformed, text)
	}
	return Pixels{Data: data, Bytes: int(a.Bytes), Precision: int(a.Precision), Signed: a.Signed == 1, Warning: text}, nil
}

// starter starts processes from one operating system thread that lives as long as
// the pool: the kernel ends a worker when the thread that started it ends.
type starter struct {
	mu       sync.Mutex
	commands chan *exec.Cmd
	errors   chan error
}

func newStarter() *starter {
	s := &starter{commands: make(chan *exec.Cmd), errors: make(chan error)}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		for c := range s.commands {
			s.errors <- c.Start()
		}
		close(s.errors)
	}()
	return s
}

// start must not be called after stop.
func (s *starter) start(c *exec.Cmd) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands <- c
	return <-s.errors
}

func (s *starter) stop() {
	close(s.commands)
	<-s.errors
}

// excerpt keeps the beginning of what a worker writes to its standard error.
type excerpt struct{ text []byte }

func (e *excerpt) Write(b []byte) (int, error) {
	e.text = append(e.text, b[:min(len(b), 400-len(e.text))]...)
	return len(b), nil
}

// String is the first line, as the end of a sentence. It is called once the process
// has been waited for.
func (e *excerpt) String() string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(e.text), []byte("\n"))
	if len(line) == 0 {
		return ""
	}
	return ": " + printable(bytes.Clone(line))
}
