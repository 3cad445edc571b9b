package codec_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dicomnode/internal/codec"
	"dicomnode/internal/codec/codectest"
	"dicomnode/internal/uid"
)

func good(tb testing.TB) codectest.Stream {
	for _, s := range codectest.Streams(tb) {
		if s.Name == "u16.90.opj" {
			return s
		}
	}
	tb.Fatal("no such stream")
	return codectest.Stream{}
}

// A decoder that crashes, loops, sleeps or allocates all memory fails only for its own image,
// and the error names the cause.
func TestMisbehaviourCostsOneImage(t *testing.T) {
	p := codectest.Open(t, codec.Options{Workers: 1, Log: slog.New(slog.DiscardHandler)})
	s := good(t)
	for _, c := range []struct {
		code  string
		limit time.Duration // 0: none
		want  error
	}{
		{"CRASH", 0, codec.ErrWorker},
		{"BOMBS", 0, codec.ErrWorker},
		{"FLOOD", 0, codec.ErrWorker},
		{"SPINS", time.Second, context.DeadlineExceeded},
		{"SLEEP", time.Second, context.DeadlineExceeded},
	} {
		t.Run(c.code, func(t *testing.T) {
			f := s.Frame
			f.Code = [][]byte{[]byte(c.code)}
			ctx := t.Context()
			if c.limit > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, c.limit)
				defer cancel()
			}
			if _, err := codectest.Decode(ctx, p, f); !errors.Is(err, c.want) {
				t.Errorf("have %v, want %v", err, c.want)
			}
			begin := time.Now()
			px, err := codectest.Decode(t.Context(), p, s.Frame)
			if err != nil || s.Furthest(px) != 0 {
				t.Errorf("the next image: %v", err)
			}
			t.Logf("the next image after %v", time.Since(begin).Round(time.Millisecond))
		})
	}
}

// OpenJPEG decodes a codestream that crashes OpenJPH; the log names the library.
func TestCrashFallsBack(t *testing.T) {
	var log bytes.Buffer
	p := codectest.Open(t, codec.Options{Workers: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
	n := 0
	for _, s := range codectest.Streams(t) {
		if !strings.Contains(s.Name, ".20") {
			continue
		}
		n++
		s.Frame.Code = append(s.Frame.Code, []byte("EndsOpenJPH")) // after the EOC
		px, err := codectest.Decode(t.Context(), p, s.Frame)
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
		} else if worst := s.Furthest(px); worst > 1 || s.Exact && worst > 0 {
			t.Errorf("%s: differs by %d", s.Name, worst)
		}
	}
	if n < 8 || strings.Count(log.String(), "family=HTJ2K") != 2*n {
		t.Errorf("%d streams were tried:\n%s", n, &log)
	}
}

// The pool's own deadline ends a loop if the caller sets none.
func TestDeadline(t *testing.T) {
	p := codectest.Open(t, codec.Options{Workers: 1, Log: slog.New(slog.DiscardHandler), Deadline: time.Second})
	s := good(t)
	s.Frame.Code = [][]byte{[]byte("SPINS")}
	if _, err := codectest.Decode(t.Context(), p, s.Frame); !errors.Is(err, codec.ErrTimeout) {
		t.Errorf("have %v, want %v", err, codec.ErrTimeout)
	}
}

// A worker cannot open a file, a socket or a program, cannot signal the node, and cannot remove
// the shared memory.
func TestConfined(t *testing.T) {
	p := codectest.Open(t, codec.Options{Confinement: codec.Required})
	if how := p.Report().Confinement; how != "seccomp" {
		t.Skipf("this machine confines by %q (%s)", how, p.Report().Error)
	}
	s := good(t)
	for _, code := range []string{"OPENS", "SOCKS", "EXECS", "WRITE", "KILLS", "CUTS0"} {
		s.Frame.Code = [][]byte{[]byte(code)}
		if _, err := codectest.Decode(t.Context(), p, s.Frame); !errors.Is(err, codec.ErrMalformed) || !strings.Contains(err.Error(), ": refused ") {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// A worker ends when its input ends.
func TestWorkersEnd(t *testing.T) {
	p, err := codec.Open(codec.Options{Folder: codectest.Folder(t), Command: []string{codectest.Program(t)}, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	s := good(t)
	if _, err := codectest.Decode(t.Context(), p, s.Frame); err != nil {
		t.Fatal(err)
	}
	if len(workers(t)) == 0 {
		t.Error("no worker is there to end")
	}
	p.Close()
	if n := len(workers(t)); n != 0 {
		t.Errorf("%d workers after Close", n)
	}
}

// workers returns the processes that this process has started, including zombies.
func workers(tb testing.TB) (pids []int) {
	tb.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		tb.Skip(err)
	}
	for _, task := range tasks {
		list, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/children") // the thread may have ended
		for _, word := range strings.Fields(string(list)) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				tb.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// A worker that is killed while idle affects no image.
func TestIdleWorkerKilled(t *testing.T) {
	p := codectest.Open(t, codec.Options{Workers: 1, Log: slog.New(slog.DiscardHandler)})
	s := good(t)
	for range 3 {
		if _, err := codectest.Decode(t.Context(), p, s.Frame); err != nil {
			t.Fatal(err)
		}
		for _, pid := range workers(t) {
			if child, err := os.FindProcess(pid); err == nil {
				child.Kill()
			}
		}
	}
}

// If there are more callers than workers they wait, and each gets its own image.
func TestManyCallers(t *testing.T) {
	p := codectest.Open(t, codec.Options{Workers: 2})
	all := codectest.Streams(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for k := i; k < len(all); k += 8 {
				px, err := codectest.Decode(t.Context(), p, all[k].Frame)
				if err != nil || all[k].Furthest(px) > 1 {
					t.Errorf("%s: %v", all[k].Name, err)
				}
			}
		})
	}
	group.Wait()
}

// A library that is added while the node runs is used from then on. If it is removed, a worker
// that has opened it continues to use it.
func TestLibraryComesBack(t *testing.T) {
	folder, from := t.TempDir(), codectest.Folder(t)
	p := codectest.Open(t, codec.Options{Folder: folder})
	s := good(t)
	if _, err := codectest.Decode(t.Context(), p, s.Frame); !errors.Is(err, codec.ErrMissing) {
		t.Fatalf("have %v, want %v", err, codec.ErrMissing)
	}
	if err := os.Symlink(from+"/libopenjp2.so", folder+"/libopenjp2.so"); err != nil {
		t.Fatal(err)
	}
	if _, err := codectest.Decode(t.Context(), p, s.Frame); err != nil {
		t.Error(err)
	}
	if n := len(p.TransferSyntaxes()); n != 5 {
		t.Errorf("%v", p.TransferSyntaxes())
	}
}

// OpenJPH decodes HTJ2K without OpenJPEG, and nothing else.
func TestOpenJPHAlone(t *testing.T) {
	folder, from := t.TempDir(), codectest.Folder(t)
	if err := os.Symlink(from+"/libopenjph.so", folder+"/libopenjph.so"); err != nil {
		t.Fatal(err)
	}
	p := codectest.Open(t, codec.Options{Folder: folder})
	if have, want := p.TransferSyntaxes(), []string{uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K}; !slices.Equal(have, want) {
		t.Fatalf("have %v, want %v; %+v", have, want, p.Report())
	}
	for _, s := range codectest.Streams(t) {
		if !slices.Contains(p.TransferSyntaxes(), s.Frame.TransferSyntaxUID) {
			continue
		}
		px, err := codectest.Decode(t.Context(), p, s.Frame)
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
		} else if worst := s.Furthest(px); worst > 1 || s.Exact && worst > 0 {
			t.Errorf("%s: differs by %d", s.Name, worst)
		}
	}
}

// A wrong or damaged library is reported and not used.
func TestWrongLibrary(t *testing.T) {
	folder, from := t.TempDir(), codectest.Folder(t)
	if err := os.Symlink(from+"/libopenjp2.so", folder+"/libjpeg.so"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder+"/libcharls.so", []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := codectest.Open(t, codec.Options{Folder: folder}).Report()
	for i, want := range []string{"lacks jpeg_std_error", "file too short", ""} {
		f := r.Families[i]
		if !strings.Contains(f.Error, want) || len(f.TransferSyntaxes) != 0 {
			t.Errorf("%+v, want the error %q", f, want)
		}
	}
}
