package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
	"dicomnode/internal/durable/powercut"
)

const (
	powerRuns    = 2 // of the node, in sequence
	powerSenders = 4 // in parallel
	powerObjects = 6 // of each sender
)

// powerData returns a version of an instance: later versions correct identifiers of its study.
func powerData(instance string, version int) []byte {
	seed := instance[len(instance)-1]
	data := dataset(dxClass, instance, 600+4096*int(seed%3), seed)
	return bytes.Replace(data, []byte("1.2.3.5"), fmt.Appendf(nil, "1.2.3.%d", 5+version), 1)
}

// poweredNode receives, works, expires objects and restarts. It prints what it has acknowledged
// ("kept INSTANCE VERSION") and delivered ("sent UID DIGEST").
func poweredNode(dir string) error {
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(os.Stdout, format+"\n", args...)
	}
	var kept sync.Map
	for run := range powerRuns {
		err := poweredRun(dir, run, &kept, say)
		for tries := 0; err != nil && failingSyncs() && tries < 50; tries++ {
			err = poweredRun(dir, run, &kept, say)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// failingSyncs reports whether the disk of this process fails to sync now and then.
func failingSyncs() bool { return os.Getenv("ARCHIVE_POWER_FAILING") != "" }

func poweredRun(dir string, run int, kept *sync.Map, say func(string, ...any)) (err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a, err := archive.Open(ctx, options(dir))
	if err != nil {
		return err
	}
	w := &world{}
	worked := make(chan error, 1)
	go func() {
		h := w.handlers()
		h.Deliver = func(_ context.Context, o archive.Object, _ string) (archive.Answer, error) {
			b, err := read(o)
			if err == nil {
				say("sent %s %s", o.SOPInstanceUID, number(string(b)))
			}
			return archive.Answer{}, err
		}
		worked <- a.Work(ctx, h)
	}()
	sent := make(chan error, powerSenders)
	for s := range powerSenders {
		go func() { sent <- poweredSender(ctx, a, run*powerSenders+s, kept, say) }()
	}
	for range powerSenders {
		err = errors.Join(err, <-sent)
	}
	cancel()
	return errors.Join(err, <-worked, a.Close())
}

// powerInstance returns the i-th instance that is sent, and its versions in order.
func powerInstance(i int) (instance string, versions []int) {
	n := i % powerObjects
	instance = fmt.Sprintf("1.2.%d.%d", i/powerObjects+1, n+1)
	switch n % 4 {
	case 1:
		return instance, []int{0, 0}
	case 2:
		return instance, []int{0, 1}
	}
	return instance, []int{0}
}

// poweredSender sends its instances, some of them twice or corrected, and frees space. It leaves
// out what was kept in an earlier attempt.
func poweredSender(ctx context.Context, a *archive.Archive, sender int, kept *sync.Map, say func(string, ...any)) error {
	for n := range powerObjects {
		instance, versions := powerInstance(sender*powerObjects + n)
		for i, v := range versions {
			if _, done := kept.Load([2]any{instance, i}); done {
				continue
			}
			_, err := a.Receive(ctx, incoming(instance, archive.Segment), bytes.NewReader(powerData(instance, v)))
			for tries := 0; err != nil && failingSyncs() && tries < 50; tries++ {
				_, err = a.Receive(ctx, incoming(instance, archive.Segment), bytes.NewReader(powerData(instance, v)))
			}
			if err != nil {
				return err
			}
			kept.Store([2]any{instance, i}, true)
			say("kept %s %d", instance, v)
		}
		if n%5 == 4 {
			if _, _, err := a.MakeRoom(ctx, 1<<62); err != nil && !failingSyncs() {
				return err
			}
		}
	}
	return nil
}

// recordPower records poweredNode in an empty folder. failing selects syncs that fail, see
// powercut.RecordFailing; "" selects none.
func recordPower(t *testing.T, failing string) *powercut.Recording {
	t.Helper()
	dir := durabletest.Dir(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ARCHIVE_POWER_DIR="+filepath.Join(dir, "archive"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	record := powercut.Record
	if failing != "" {
		// The folders exist: one whose name a failed sync lost could not be made again.
		a, err := archive.Open(t.Context(), options(filepath.Join(dir, "archive")))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, "ARCHIVE_POWER_FAILING=1")
		record = func(cmd *exec.Cmd, dir string) (*powercut.Recording, error) {
			return powercut.RecordFailing(cmd, dir, failing)
		}
	}
	r, err := record(cmd, dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if got := strings.TrimSpace(stderr.String()); got != "<nil>" {
		t.Fatalf("the recorded node ended with %s", got)
	}
	return r
}

// tracing reports whether processes can be traced. Where the test peers are required, this is
// required too.
func tracing(t *testing.T) bool {
	t.Helper()
	err := powercut.Available()
	if err != nil && os.Getenv("REQUIRE_PEERS") != "" {
		t.Fatal(err)
	}
	return err == nil
}

// powerFaults simulates power failures at random times, in which the disk loses what was not
// synced.
func powerFaults(t *testing.T, n int) (f tally) {
	r := recordPower(t, "")
	for range (n + 1) / 2 {
		f.add(cutPower(t, r, rand.Uint64(), powercut.Honest))
	}
	f.add(cutFailing(t, n/2))
	return f
}

// cutFailing simulates power failures of a disk some of whose syncs have failed: what they were
// to make durable is lost, although later ones succeed.
func cutFailing(t *testing.T, n int) (f tally) {
	if n == 0 {
		return f
	}
	failing := fmt.Sprintf("%d+%d", 1+rand.IntN(8), 8+rand.IntN(12))
	r := recordPower(t, failing)
	for range n {
		f.add(cutPower(t, r, rand.Uint64(), powercut.Honest))
	}
	t.Logf("syncs %s of each thread failed, %d calls recorded: %+v", failing, r.Moments, f)
	return f
}

// cutPower checks the disk after the power failure that seed selects, and names the seed if
// something is wrong.
func cutPower(t *testing.T, r *powercut.Recording, seed uint64, kind powercut.Disk) (f tally) {
	random := rand.New(rand.NewPCG(seed, 0))
	moment := random.IntN(r.Moments + 1)
	dir := durabletest.Dir(t)
	defer os.RemoveAll(dir)
	if err := r.Image(moment, random, kind, dir); err != nil {
		t.Fatal(err)
	}
	f.injected = 1
	anotherBoot(t, dir)
	w := newWorld(t, filepath.Join(dir, "archive"))
	newest := w.readOutput(r.Output(moment))
	a, err := archive.Open(t.Context(), w.options())
	if err != nil {
		f.lost += max(1, len(newest))
		report(t, kind, "cut at %d of %d (%d): start: %v", moment, r.Moments, seed, err)
		return f
	}
	w.a = a
	for instance, version := range newest {
		w.judgePowered(&f, instance, version)
	}
	if f.bad() > 0 && w.log.n.Load() == 0 {
		f.silent++
	}
	if f.bad() == 0 {
		w.finishPowered(&f, newest) // a loss would be waited for
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if f.bad() > 0 {
		report(t, kind, "cut at %d of %d (%d): %+v", moment, r.Moments, seed, f)
	}
	return f
}

// anotherBoot changes files as if the machine had been restarted: they contain the kernel's
// boot id.
func anotherBoot(t *testing.T, dir string) {
	t.Helper()
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	boot = bytes.TrimSpace(boot)
	for _, name := range []string{"index.sqlite.changes", "lock"} {
		path := filepath.Join(dir, "archive", name)
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(path, bytes.ReplaceAll(b, boot, bytes.Repeat([]byte("0"), len(boot))), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// report fails the test if the disk obeys syncs; with another disk a failure is expected.
func report(t *testing.T, kind powercut.Disk, format string, args ...any) {
	t.Helper()
	if kind == powercut.Honest {
		t.Errorf(format, args...)
	} else {
		t.Logf(format, args...)
	}
}

// readOutput reads what was delivered, and returns the newest acknowledged version of each
// instance.
func (w *world) readOutput(out []byte) (newest map[string]int) {
	newest = map[string]int{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		switch f[0] {
		case "kept":
			version := 0
			fmt.Sscan(f[2], &version)
			newest[f[1]] = version
		case "sent":
			source := f[1][:strings.LastIndex(f[1], ".")]
			if w.delivered[source] == nil {
				w.delivered[source] = map[string]bool{}
			}
			w.delivered[source][f[1]+" "+f[2]] = true
		}
	}
	return newest
}

// judgePowered looks for an acknowledged version. It may be unchanged, replaced by a newer one
// whose acknowledgement the power failure prevented, or removed after its result was delivered.
func (w *world) judgePowered(f *tally, instance string, version int) {
	o, err := w.a.Find(context.Background(), instance)
	if err != nil {
		if !w.got(instance, version) {
			w.t.Logf("%s version %d is gone; delivered: %v", instance, version, w.delivered[instance])
			f.lost++
		}
		return
	}
	b, err := read(o)
	if err != nil || !bytes.Equal(b, powerData(instance, version)) && !bytes.Equal(b, powerData(instance, version+1)) {
		w.t.Logf("%s version %d, object %d of version %d: %d bytes, %v; delivered: %v", instance, version, o.ID, o.Version, len(b), err, w.got(instance, version))
		f.damaged++
	}
}

// got reports whether the result of a version was delivered.
func (w *world) got(instance string, version int) bool {
	d, err := digestData(powerData(instance, version), "HAND")
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for delivered := range w.delivered[instance] {
		if strings.HasPrefix(delivered, instance+"."+number(d.Identity)+" ") {
			return true
		}
	}
	return false
}

// finishPowered runs all jobs and makes the senders repeat everything. Each version must have
// one result, whose bytes are always the same.
func (w *world) finishPowered(f *tally, newest map[string]int) {
	stop := work(w.t, w.a, w.handlers())
	w.settle()
	for instance, version := range newest {
		if !w.got(instance, version) && !w.got(instance, version+1) {
			w.t.Logf("no result of %s version %d; delivered: %v", instance, version, w.delivered[instance])
			f.lost++
		}
	}
	for i := range powerRuns * powerSenders * powerObjects {
		instance, versions := powerInstance(i)
		newest[instance] = versions[len(versions)-1]
		if err := w.send(instance, powerData(instance, newest[instance])); err != nil {
			w.t.Logf("%s is refused: %v", instance, err)
			f.lost++
		}
	}
	w.settle()
	stop()
	for instance, version := range newest {
		if !w.got(instance, version) {
			w.t.Logf("no result of %s version %d after it was sent again; delivered: %v", instance, version, w.delivered[instance])
			f.lost++
		}
		if len(w.delivered[instance]) > version+1 {
			f.duplicated++
		}
	}
	w.loose(f)
}

// TestPowerCut simulates power failures at random times; POWERCUTS sets their number. Then it
// does the same with a disk that ignores syncs, which must lose something, or the test would
// detect nothing.
func TestPowerCut(t *testing.T) {
	t.Parallel() // it waits most of the time
	if !tracing(t) {
		t.Skip("needs strace")
	}
	cuts := powerCutsWanted(t)
	r := recordPower(t, "")
	var f tally
	for range cuts {
		f.add(cutPower(t, r, rand.Uint64(), powercut.Honest))
	}
	t.Logf("%d calls recorded: %+v", r.Moments, f)
	for seed := range uint64(60) {
		if f := cutPower(t, r, seed, powercut.Lying); f.lost > 0 {
			return
		}
	}
	t.Error("a disk that ignores syncs lost nothing that anybody noticed")
}

// powerCutsWanted is the number of simulated power failures in a test.
func powerCutsWanted(t *testing.T) int {
	t.Helper()
	s := os.Getenv("POWERCUTS")
	if s == "" {
		return 8
	}
	cuts, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return cuts
}

// TestPowerCutAfterFailedSyncs is TestPowerCut with a disk that fails to sync now and then, and
// then forgets what it could not write.
func TestPowerCutAfterFailedSyncs(t *testing.T) {
	t.Parallel() // it waits most of the time
	if !tracing(t) {
		t.Skip("needs strace")
	}
	cutFailing(t, powerCutsWanted(t))
}
