package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/node"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/archive"
	"dicomnode/internal/durable/powercut"
	"dicomnode/internal/part10"
)

// faultyCalls are the system calls by which an object reaches the disk. An error of
// write meets sockets and the runtime's own descriptors as well: the node may end by it.
var faultyCalls = []struct {
	name     string
	mayEnd   bool
	failures []string
}{
	{"fsync", false, []string{"EIO", "ENOSPC"}},
	{"fdatasync", false, []string{"EIO"}}, // none today, and judged when there is one
	{"pwrite64", false, []string{"EIO", "ENOSPC"}},
	{"ftruncate", false, []string{"EIO"}},
	{"rename,renameat,renameat2", false, []string{"EIO", "ENOSPC"}},
	{"openat", false, []string{"EIO", "ENOSPC", "EMFILE"}},
	{"unlink,unlinkat", false, []string{"EIO"}},
	{"fchmod,fchown", false, []string{"EIO"}},
	{"pread64", false, []string{"EIO"}},
	{"write", true, []string{"EIO", "ENOSPC"}},
}

// TestDiskErrors has each system call of the receiving path fail in turn, the first
// time, the second …, while images arrive. What was answered 0000 is there with its job
// after kill -9 and a start; what was not is answered A7xx, 01xx or Cxxx, has a line in
// the log, and is taken when it is sent again. With FAULTS set, 24 times of each call
// instead of 2.
func TestDiskErrors(t *testing.T) {
	t.Parallel()
	requireStrace(t)
	times := 2
	if os.Getenv("FAULTS") != "" {
		times = 24
	}
	s := newSweep(t, nodetest.NewKeepingPACS(t))
	s.start()
	for _, c := range faultyCalls {
		for _, failure := range c.failures {
			for when := range times {
				s.inject(c.name, failure, when+1, c.mayEnd)
			}
		}
		s.restart()
		t.Logf("%s: %d injected so far, %d refused, the node ended %d times", c.name, s.injected, s.refused, s.ended)
	}
	if s.injected < times*5 || s.refused == 0 {
		t.Errorf("only %d errors were injected, %d refusals", s.injected, s.refused)
	}
}

// requireStrace skips a test where strace cannot be used, or fails it with REQUIRE_PEERS.
func requireStrace(t *testing.T) {
	t.Helper()
	if err := powercut.Available(); err != nil {
		if os.Getenv("REQUIRE_PEERS") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// sweep is a node whose system calls fail.
type sweep struct {
	t   *testing.T
	p   *nodetest.Process
	dir string

	acked                    map[string]string // instance → file
	images                   int
	injected, refused, ended int
}

// newSweep is a node, not started yet, that delivers to pacs.
func newSweep(t *testing.T, pacs *nodetest.KeepingPACS) *sweep {
	t.Helper()
	return &sweep{t: t, p: nodetest.NewProcess(t, pacs.PeersAndRoutes()), dir: t.TempDir(), acked: map[string]string{}}
}

// archive is the folder of the node's archive.
func (s *sweep) archive() string {
	s.t.Helper()
	c, err := configs.Load(s.p.Config)
	if err != nil {
		s.t.Fatal(err)
	}
	return node.ArchiveDir(c)
}

// inject sends images on two associations at once while a call fails, and again
// afterwards what was not taken.
func (s *sweep) inject(calls, failure string, when int, mayEnd bool) {
	s.t.Helper()
	before := len(s.p.Log.String())
	tracer := attach(s.t, s.p.PID(), fmt.Sprintf("%s:error=%s:when=%d", calls, failure, when), calls)
	files := s.make(4)
	failed := s.send(files)
	injected := tracer.detach(s.t)
	s.injected += injected
	what := fmt.Sprintf("%s %s, time %d", calls, failure, when)
	if s.settled(before) {
		if s.ended++; !mayEnd {
			s.t.Fatalf("%s: the node ended", what)
		}
		s.p.Kill()
		s.start()
	} else if log := s.p.Log.String()[before:]; len(failed) > 0 && !strings.Contains(log, "level=WARN") && !strings.Contains(log, "level=ERROR") {
		s.t.Errorf("%s: %d refused, and no word in the log:\n%s", what, len(failed), log)
	}
	if len(failed) > 0 && injected == 0 {
		s.t.Errorf("%s: %d refused without an error", what, len(failed))
	}
	s.refused += len(failed)
	if again := s.send(failed); len(again) > 0 {
		s.t.Fatalf("%s: %d are refused again when the disk is well", what, len(again))
	}
}

// settled waits until the node answers or has ended, and reports whether it has: a
// runtime that fails prints its stacks after its associations are gone.
func (s *sweep) settled(logged int) bool {
	s.t.Helper()
	nodetest.Until(s.t, "the node's answer or end", func() bool {
		if s.p.Ended() {
			return true
		}
		_, err := s.p.As("MODALITY").Echo(s.t.Context())
		return err == nil && !strings.Contains(s.p.Log.String()[logged:], "fatal error: ")
	})
	return s.p.Ended()
}

// start runs the node and waits until it works: an error of the disk before that ends it.
func (s *sweep) start() {
	s.t.Helper()
	s.p.Start(s.t)
	before := len(s.p.Log.String())
	if failed := s.send(s.make(1)); len(failed) > 0 {
		s.t.Fatal("an image is refused when the disk is well")
	}
	nodetest.Until(s.t, "the first job", func() bool { return strings.Contains(s.p.Log.String()[before:], "job quarantined") })
}

// make writes images without pixels, so that a node has little to do but keep them.
func (s *sweep) make(n int) (files []string) {
	for range n {
		s.images++
		image := nodetest.Image{Name: fmt.Sprintf("faulty-%05d", s.images)}
		files = append(files, image.File(s.t, s.dir))
	}
	return files
}

// send returns what was not answered 0000.
func (s *sweep) send(files []string) (failed []string) {
	var mu sync.Mutex
	var g sync.WaitGroup
	for half := range 2 {
		g.Go(func() {
			mine := files[half*len(files)/2 : (half+1)*len(files)/2]
			if len(mine) == 0 {
				return
			}
			results, _ := s.p.As("MODALITY").StoreFiles(s.t.Context(), mine, func() {})
			mu.Lock()
			defer mu.Unlock()
			for i, file := range mine {
				if i >= len(results) || results[i].Status != "0000" {
					failed = append(failed, file)
				} else {
					s.acked[strings.TrimSuffix(file[strings.LastIndexByte(file, '/')+1:], ".dcm")] = file
				}
				if i < len(results) && results[i].Status != "" && results[i].Status != "0000" && !strings.ContainsAny(results[i].Status[:1], "AC0") {
					s.t.Errorf("refused with %s", results[i].Status)
				}
			}
		})
	}
	g.Wait()
	return failed
}

// restart kills the node, starts it, and looks for all that was acknowledged.
func (s *sweep) restart() {
	s.t.Helper()
	s.p.Kill()
	s.start()
	a, err := archive.OpenShared(s.t.Context(), archive.Options{Dir: s.archive()})
	if err != nil {
		s.t.Fatal(err)
	}
	defer a.Close()
	entries, err := a.Queue(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	jobs := map[int64]bool{}
	for _, e := range entries {
		jobs[e.ObjectID] = true
	}
	for name, file := range s.acked {
		o, err := a.Find(s.t.Context(), nodetest.Image{Name: name}.Instance())
		if err != nil {
			s.t.Errorf("%s was answered 0000: %v", name, err)
			continue
		}
		if !jobs[o.ID] && o.Outcome == "" {
			s.t.Errorf("%s was answered 0000 and has neither job nor outcome", name)
		}
		if got, want := kept(s.t, o), datasetOf(s.t, file); !bytes.Equal(got, want) {
			s.t.Errorf("%s was answered 0000 and has other bytes: %d, want %d", name, len(got), len(want))
		}
	}
}

// kept is the data set that the archive has.
func kept(t *testing.T, o archive.Object) []byte {
	t.Helper()
	f, err := o.OpenDataset()
	if err != nil {
		t.Error(err)
		return nil
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Error(err)
	}
	return b
}

// datasetOf is the data set of a Part 10 file.
func datasetOf(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	h, err := part10.ReadHeader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return b[h.DatasetOffset:]
}

// tracer is strace on a running node.
type tracer struct {
	cmd   *exec.Cmd
	out   string
	ready chan struct{}
	ended chan struct{}
}

// attach has calls of a process fail from now on, with paths only those on these: strace
// counts them in each thread by itself.
func attach(t *testing.T, pid int, inject, calls string, paths ...string) *tracer {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "trace-*")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	r := &tracer{out: f.Name(), ready: make(chan struct{}), ended: make(chan struct{})}
	args := []string{"-f", "-e", "signal=none", "-e", "trace=" + calls, "-e", "inject=" + inject, "-o", r.out, "-p", strconv.Itoa(pid)}
	for _, path := range paths {
		args = append(args, "-P", path)
	}
	r.cmd = exec.Command("strace", args...)
	stderr, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.ended)
		attached := false
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if !attached && strings.Contains(lines.Text(), " attached") {
				attached = true
				close(r.ready)
			}
		}
	}()
	select {
	case <-r.ready:
	case <-r.ended:
		t.Fatal("strace did not attach")
	}
	return r
}

// detach lets the process go and returns how many errors it has met.
func (r *tracer) detach(t *testing.T) int {
	t.Helper()
	_ = r.cmd.Process.Signal(syscall.SIGINT) // it has ended when its process has
	select {
	case <-r.ended:
	case <-time.After(10 * time.Second): // its process ended, and nobody has asked how
		_ = r.cmd.Process.Kill()
		<-r.ended
	}
	_ = r.cmd.Wait() // with the signal
	b, err := os.ReadFile(r.out)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(b, []byte("(INJECTED)"))
}
