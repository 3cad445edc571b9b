package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// process is the pool's side of a worker. It must not be used concurrently.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	shared *os.File // the shared memory, see protocol.go
	stderr *excerpt
	at     libraryState // the libraries that it opened
	served int
	rests  time.Time // start of the idle time

	code, room int64 // bytes of the last codestream, and of the memory pages in use for samples
}

// helloTime is the time limit for a worker to open its libraries.
const helloTime = 20 * time.Second

// workerEnvironment makes the C library of a worker return large blocks when they are freed, so
// that an image's memory is not kept beside the node's copy of its samples, and allocate them
// in huge pages, which makes new allocations cheap (malloc(3), glibc 2.35).
var workerEnvironment = []string{"GOMAXPROCS=1", "GOGC=50", "GOTRACEBACK=none", "MALLOC_ARENA_MAX=1",
	"MALLOC_MMAP_THRESHOLD_=1048576", "MALLOC_TRIM_THRESHOLD_=1048576", "GLIBC_TUNABLES=glibc.malloc.hugetlb=1"}

// launch starts a worker and reads its hello.
func (p *Pool) launch(at libraryState) (*process, hello, error) {
	if len(p.command) == 0 {
		return nil, hello{}, errors.New("this program cannot be a codec worker")
	}
	args := append(p.command[1:len(p.command):len(p.command)], at.folder, string(p.confinement), strconv.Itoa(p.threads))
	w := &process{cmd: exec.Command(p.command[0], args...), stderr: &excerpt{}, at: at}
	w.cmd.Env = workerEnvironment
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
	if w.shared, err = newShared(); err != nil {
		return nil, hello{}, err
	}
	w.cmd.ExtraFiles = []*os.File{w.shared} // becomes sharedDescriptor
	if err := p.starter.start(w.cmd); err != nil {
		return nil, hello{}, errors.Join(fmt.Errorf("start a codec worker: %w", err), w.shared.Close())
	}
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
	w.shared.Close()
}

// forget returns the memory of images to the system, except keep bytes of samples.
func (w *process) forget(keep int64) error {
	err := errors.Join(giveBack(w.shared, 0, w.code), giveBack(w.shared, samplesAt+keep, max(0, w.room-keep)))
	w.code, w.room = 0, min(w.room, keep)
	return err
}

// exchange decodes one codestream in the worker. The values are valid until forget. The worker
// is killed after limit and when ctx ends. After ErrWorker or ErrTimeout the caller must call
// end.
func (w *process) exchange(ctx context.Context, limit time.Duration, family Family, f *Frame, code stream) (Pixels, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, ErrTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { w.cmd.Process.Kill() })
	px, err := w.ask(family, f, code)
	if !stop() && err != nil { // killed by the AfterFunc
		return px, context.Cause(ctx)
	}
	return px, err
}

func (w *process) ask(family Family, f *Frame, code stream) (px Pixels, err error) {
	q := request{uint32(family), uint32(f.Rows), uint32(f.Columns), uint32(f.Samples), uint32(code.length())}
	values := int64(f.Rows) * int64(f.Columns) * int64(f.Samples)
	w.served++
	if family == JPEG2000 { // OpenJPEG frees its own samples page by page while these are written
		if err := w.forget(0); err != nil {
			return px, fmt.Errorf("%w: %v", ErrWorker, err)
		}
	}
	w.code, w.room = code.length(), max(w.room, 2*values)
	at := int64(0)
	for _, part := range code {
		if _, err := w.shared.WriteAt(part, at); err != nil {
			return px, fmt.Errorf("%w: %v", ErrWorker, err)
		}
		at += int64(len(part))
	}
	if f.Spend != nil {
		f.Spend()
	}
	if err := put(w.in, &q); err != nil {
		return px, fmt.Errorf("%w: %v", ErrWorker, err)
	}
	a, text, err := getAnswer(w.out)
	_ = giveBack(w.shared, 0, w.code) // before the values are read; if it fails, forget returns the error
	switch {
	case err != nil:
		return px, fmt.Errorf("%w: %v", ErrWorker, err)
	case a.Status == statusRefused:
		return px, fmt.Errorf("%w: %s", ErrMalformed, text)
	}
	return Pixels{Values: io.NewSectionReader(w.shared, samplesAt, values*int64(a.Bytes)), Planar: a.Planar == 1,
		Bytes: int(a.Bytes), Precision: int(a.Precision), Signed: a.Signed == 1, Warning: text}, nil
}

// starter starts processes from one operating system thread that lives as long as the pool. The
// kernel ends a worker when the thread that started it ends.
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

// start starts a process. It must not be called after stop.
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

// excerpt keeps the start of a worker's standard error.
type excerpt struct{ text []byte }

func (e *excerpt) Write(b []byte) (int, error) {
	e.text = append(e.text, b[:min(len(b), 400-len(e.text))]...)
	return len(b), nil
}

// String returns the first line, to be appended to an error. Call it after the process has
// ended.
func (e *excerpt) String() string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(e.text), []byte("\n"))
	if len(line) == 0 {
		return ""
	}
	return ": " + printable(bytes.Clone(line))
}
