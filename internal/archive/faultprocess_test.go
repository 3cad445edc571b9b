package archive_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
)

// errorFaults makes one operation at a time fail while an image is received, segmented and
// delivered. The sender and the queue retry.
func errorFaults(t *testing.T, n int, cause error) (f tally) {
	w := newWorld(t, durabletest.Dir(t))
	closed(t, open(t, w.options()))
	a, err := archive.Open(t.Context(), w.options())
	if err != nil {
		t.Fatal(err)
	}
	w.a = a
	var left atomic.Int64 // number of operations until one fails; 0: none fails
	var hits atomic.Int64
	a.Inject(func(string, bool) error {
		if left.Add(-1) == 0 {
			hits.Add(1)
			return cause
		}
		return nil
	})
	left.Store(-1)
	stop := work(t, a, w.handlers())
	sent := 0
	for i := 0; int(hits.Load()) < n || i%20 != 0; i++ {
		sent++
		instance := fmt.Sprintf("1.2.%d", i+1)
		data := dataset(dxClass, instance, 500+i%97, byte(i))
		left.Store(1 + rand.Int64N(30))
		for try := 0; ; try++ {
			if err := w.send(instance, data); err == nil {
				break
			} else if try > 3 {
				t.Errorf("fault %d: refused again and again: %v", i, err)
				break
			}
		}
		if i%20 < 19 {
			continue // a fault may affect jobs of several images
		}
		w.settle()
		left.Store(-1)
		w.settle()
		for j := i - 19; j <= i; j++ {
			instance := fmt.Sprintf("1.2.%d", j+1)
			w.judge(&f, instance, dataset(dxClass, instance, 500+j%97, byte(j)), 1)
		}
	}
	stop()
	f.injected = int(hits.Load())
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	w.a = open(t, w.options()) // adopts or sets aside files left by the faults
	w.loose(&f)
	if have := len(all(t, w.a)); have != 2*sent {
		f.duplicated += max(have-2*sent, 0)
		f.lost += max(2*sent-have, 0)
	}
	return f
}

// killFaults ends processes at an operation, as SIGKILL does, while they receive, work and
// expire objects; then one finishes.
func killFaults(t *testing.T, n int) (f tally) {
	dir := durabletest.Dir(t)
	w := newWorld(t, dir)
	acknowledged := map[string]bool{}
	for i := range n {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "ARCHIVE_FAULT_DIR="+dir, fmt.Sprintf("ARCHIVE_FAULT_RUN=%d", i), fmt.Sprintf("ARCHIVE_FAULT_AT=%d", 1+rand.IntN(120)))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if state := cmd.ProcessState; state == nil || state.Success() || stderr.Len() > 0 {
			t.Fatalf("run %d ended by itself: %v\n%s", i, err, stderr.String())
		}
		f.injected++
		for line := range strings.Lines(string(out)) {
			acknowledged[strings.TrimSpace(line)] = true
		}
	}
	w.a = open(t, w.options())
	stop := work(t, w.a, faultHandlers(w.a, dir))
	w.settle()
	stop()
	w.readLedger(&f)
	for instance := range acknowledged {
		w.judgeKept(&f, instance)
	}
	w.loose(&f)
	return f
}

// faultHandlers make one output for one destination, which commits it, and record the
// deliveries.
func faultHandlers(a *archive.Archive, dir string) archive.Handlers {
	h := ledgerHandlers(dir)
	deliver := h.Deliver
	h.Deliver = func(ctx context.Context, o archive.Object, destination string) (archive.Answer, error) {
		answer, err := deliver(ctx, o, destination)
		answer.Commit = true
		return answer, err
	}
	h.Commit = committing(func() *archive.Archive { return a }, func(archive.Object) {})
	h.Segment = func(_ context.Context, o archive.Object) (archive.Made, error) { return made(seg(o, "pacs")), nil }
	return h
}

// faultyNode receives, works and expires objects until it is killed at an operation.
func faultyNode(dir string) error {
	at, err := strconv.ParseInt(os.Getenv("ARCHIVE_FAULT_AT"), 10, 64)
	if err != nil {
		return err
	}
	ctx := context.Background()
	a, err := archive.Open(ctx, options(dir))
	if err != nil {
		return err
	}
	var done atomic.Int64
	a.Inject(func(string, bool) error {
		if done.Add(1) == at {
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	})
	go func() { _ = a.Work(ctx, faultHandlers(a, dir)) }()
	for n := 1; ; n++ {
		instance := fmt.Sprintf("1.2.%s.%d", os.Getenv("ARCHIVE_FAULT_RUN"), n)
		if _, err := a.Receive(ctx, incoming(instance, archive.Segment), bytes.NewReader(crashData(instance))); err != nil {
			return err
		}
		fmt.Println(instance)
		if n%3 == 0 {
			if _, _, err := a.MakeRoom(ctx, 1<<62); err != nil {
				return err
			}
		}
	}
}
