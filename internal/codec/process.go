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

// process is a worker, as the pool sees it. One goroutine at a time uses it.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	shared *os.File // the memory of protocol.go
	stderr *excerpt
	at     libraryState // of the libraries it opened
	served int
	rests  time.Time // since when, where it does

	code, room int64 // bytes of the last codestream, and of the room for samples that has pages
}

// helloTime is how long a worker may take to open its libraries.
const helloTime = 20 * time.Second

// workerEnvironment has the C library of a worker give large blocks back when they are
// freed, so that what an image took is not kept beside the samples that the node makes of it,
// and take them in huge pages, so that having them anew costs little (malloc(3), glibc 2.35).
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
	w.cmd.ExtraFiles = []*os.File{w.shared} // sharedDescriptor
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

// forget gives the memory of images back to the system, but for so many bytes of samples.
func (w *process) forget(keep int64) error {
	err := errors.Join(giveBack(w.shared, 0, w.code), giveBack(w.shared, samplesAt+keep, max(0, w.room-keep)))
	w.code, w.room = 0, min(w.room, keep)
	return err
}

// exchange has the worker decode one codestream. The values are there until forget. The
// process must be ended after ErrWorker and ErrTimeout; it is killed after limit and when
// ctx ends.
func (w *process) exchange(ctx context.Context, limit time.Duration, family Family, f *Frame, code stream) (Pixels, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, ErrTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { w.cmd.Process.Kill() })
	px, err := w.ask(family, f, code)
	if !stop() && err != nil { // killed by us
		return px, context.Cause(ctx)
	}
	return px, err
}

func (w *process) ask(family Family, f *Frame, code stream) (px Pixels, err error) {
	q := request{uint32(family), uint32(f.Rows), uint32(f.Columns), uint32(f.Samples), uint32(code.length())}
	values := int64(f.Rows) * int64(f.Columns) * int64(f.Samples)
	w.served++
	if family == JPEG2000 { // OpenJPEG's own samples go page by page as these come
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
	if err := put(w.in, &q); err != nil {
		return px, fmt.Errorf("%w: %v", ErrWorker, err)
	}
	a, text, err := getAnswer(w.out)
	_ = giveBack(w.shared, 0, w.code) // before the values are taken; forget meets the same error
	switch {
	case err != nil:
		return px, fmt.Errorf("%w: %v", ErrWorker, err)
	case a.Status == statusRefused:
		return px, fmt.Errorf("%w: %s", ErrMalformed, text)
	}
	return Pixels{Values: io.NewSectionReader(w.shared, samplesAt, values*int64(a.Bytes)), Planar: a.Planar == 1,
		Bytes: int(a.Bytes), Precision: int(a.Precision), Signed: a.Signed == 1, Warning: text}, nil
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
