package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/internal/archive/jobs"
	"dicomnode/internal/archive/store"
	"dicomnode/internal/durable/durabletest"
)

// tally is a line of the table of faults: what was injected, and what came of it.
type tally struct {
	name                                                      string
	injected, lost, duplicated, damaged, falseSuccess, silent int
}

func (f *tally) add(o tally) {
	f.injected, f.lost, f.duplicated = f.injected+o.injected, f.lost+o.lost, f.duplicated+o.duplicated
	f.damaged, f.falseSuccess, f.silent = f.damaged+o.damaged, f.falseSuccess+o.falseSuccess, f.silent+o.silent
}

func (f tally) bad() int { return f.lost + f.duplicated + f.damaged + f.falseSuccess + f.silent }

// TestFaults injects faults of every kind and counts what was lost, duplicated,
// damaged, acknowledged falsely or passed over in silence: all must be 0. FAULTS
// sets how many faults there are in all; a bounded part runs in every test.
func TestFaults(t *testing.T) {
	total := 60
	if s := os.Getenv("FAULTS"); s != "" {
		var err error
		if total, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	kinds := []struct {
		name  string
		share float64 // of all faults
		run   func(t *testing.T, n int) tally
	}{
		{"errors of the disk (EIO)", 0.34, func(t *testing.T, n int) tally { return errorFaults(t, n, syscall.EIO) }},
		{"no space (ENOSPC)", 0.25, func(t *testing.T, n int) tally { return errorFaults(t, n, store.ErrFull) }},
		{"kills at an operation", 0.06, killFaults},
		{"index lost, old or cut", 0.05, func(t *testing.T, n int) tally { return indexFaults(t, n, loseIndex) }},
		{"bytes of the index inverted", 0.08, func(t *testing.T, n int) tally { return indexFaults(t, n, flipIndex) }},
		{"objects missing, cut or flipped", 0.10, objectFaults},
		{"the same instance again", 0.07, repeatFaults},
		{"hostile data sets", 0.05, hostileFaults},
	}
	found := make([]tally, len(kinds))
	for left := total; left > 0; left -= faultRound {
		for i, k := range kinds {
			found[i].name = k.name
			found[i].add(k.run(t, max(1, int(k.share*float64(min(left, faultRound))+0.5))))
		}
		t.Logf("\n%s", faultTable(found))
	}
	for _, f := range found {
		if f.injected == 0 {
			t.Errorf("%s: none was injected", f.name)
		}
		if f.bad() > 0 {
			t.Errorf("%s: %+v", f.name, f)
		}
	}
}

// faultRound is how many faults meet the same archives: what an archive costs grows
// with what it holds. The table so far is logged after each round.
const faultRound = 300

// faultTable is the table that stands in the documentation.
func faultTable(found []tally) string {
	sum := tally{name: "all"}
	for _, f := range found {
		sum.add(f)
	}
	var table strings.Builder
	table.WriteString("| fault | injected | lost | duplicated | damaged | false Success | silent |\n|---|---|---|---|---|---|---|\n")
	for _, f := range append(found[:len(found):len(found)], sum) {
		fmt.Fprintf(&table, "| %s | %d | %d | %d | %d | %d | %d |\n", f.name, f.injected, f.lost, f.duplicated, f.damaged, f.falseSuccess, f.silent)
	}
	return table.String()
}

// world is an archive at work, what it was told to keep and what it delivered.
type world struct {
	t   *testing.T
	dir string
	a   *archive.Archive
	log *counted

	mu        sync.Mutex
	delivered map[string]map[string]bool // source → UIDs and bytes of results
}

// counted counts what is logged at warning and above.
type counted struct {
	slog.Handler
	n atomic.Int64
}

func newCounted() *counted { return &counted{Handler: slog.DiscardHandler} }

func (c *counted) Enabled(context.Context, slog.Level) bool { return true }
func (c *counted) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		c.n.Add(1)
	}
	return nil
}
func (c *counted) WithAttrs([]slog.Attr) slog.Handler { return c }
func (c *counted) WithGroup(string) slog.Handler      { return c }

func newWorld(t *testing.T, dir string) *world {
	return &world{t: t, dir: dir, log: newCounted(), delivered: map[string]map[string]bool{}}
}

func (w *world) options() archive.Options {
	opt := options(w.dir)
	opt.Log = slog.New(w.log)
	return opt
}

// handlers make a result whose UID depends on what the image says of its patient.
func (w *world) handlers() archive.Handlers {
	return archive.Handlers{
		Segment: func(ctx context.Context, o archive.Object) (archive.Made, error) {
			f, err := o.Open()
			if err != nil {
				return archive.Made{}, err
			}
			defer f.Close()
			d, err := digest(ctx, f, f.Size())
			if err != nil {
				return archive.Made{}, err
			}
			return archive.Made{Outputs: []archive.Output{segOf(o, o.SOPInstanceUID+"."+number(d.Identity), "pacs")}, Digests: d}, nil
		},
		Deliver: func(_ context.Context, o archive.Object, _ string) (archive.Answer, error) {
			b, err := read(o)
			if err != nil {
				return archive.Answer{}, err
			}
			source := o.SOPInstanceUID[:strings.LastIndex(o.SOPInstanceUID, ".")]
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.delivered[source] == nil {
				w.delivered[source] = map[string]bool{}
			}
			w.delivered[source][o.SOPInstanceUID+" "+number(string(b))] = true
			return archive.Answer{}, nil
		},
	}
}

// send stores data as an instance.
func (w *world) send(instance string, data []byte) error {
	_, err := w.a.Receive(context.Background(), incoming(instance, archive.Segment), bytes.NewReader(data))
	return err
}

// judge adds to f what became of an instance that was acknowledged with data.
func (w *world) judge(f *tally, instance string, data []byte, results int) {
	o, err := w.a.Find(context.Background(), instance)
	if err != nil {
		f.lost++
		return
	}
	if b, err := read(o); err != nil || !bytes.Equal(b, data) {
		f.damaged++
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch n := len(w.delivered[instance]); {
	case n < results:
		f.lost++
	case n > results:
		f.duplicated++
	}
}

// loose counts rows without files and files without rows.
func (w *world) loose(f *tally) {
	c, err := w.a.Check(context.Background(), func() {})
	if err != nil {
		w.t.Error(err)
	}
	f.damaged += len(c.Problems)
}

// errorFaults has one operation at a time fail, while an image is received,
// segmented and delivered, and lets the sender and the queue try again.
func errorFaults(t *testing.T, n int, cause error) (f tally) {
	w := newWorld(t, durabletest.Dir(t))
	closed(t, open(t, w.options()))
	a, err := archive.Open(t.Context(), w.options())
	if err != nil {
		t.Fatal(err)
	}
	w.a = a
	var left atomic.Int64 // operations until one fails; 0 for none
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
			continue // faults meet jobs of several images at once
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
	w.a = open(t, w.options()) // adopts or sets aside what the faults left
	w.loose(&f)
	if have := len(all(t, w.a)); have != 2*sent {
		f.duplicated += max(have-2*sent, 0)
		f.lost += max(2*sent-have, 0)
	}
	return f
}

// settle retries what is quarantined until nothing is left to do.
func (w *world) settle() {
	w.t.Helper()
	await(w.t, "the work to be done", func() bool {
		s, err := w.a.Stats(context.Background())
		if err != nil {
			return false
		}
		if s.Quarantined > 0 {
			_, _ = w.a.Retry(context.Background()) // a fault may meet it too
		}
		return s.Waiting+s.Running+s.Retrying+s.Quarantined == 0
	})
}

// killFaults ends processes at an operation, the way SIGKILL does, while they
// receive, work and expire; then one finishes.
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
	stop := work(t, w.a, faultHandlers(dir))
	w.settle()
	stop()
	w.readLedger(&f)
	for instance := range acknowledged {
		w.judgeKept(&f, instance)
	}
	w.loose(&f)
	return f
}

// judgeKept is judge for instances that may have expired since.
func (w *world) judgeKept(f *tally, instance string) {
	if _, err := w.a.Find(context.Background(), instance); err == nil {
		w.judge(f, instance, crashData(instance), 1)
		return
	}
	if len(w.delivered[instance]) != 1 { // it expires only when its result was delivered
		f.lost++
	}
}

func (w *world) readLedger(f *tally) {
	b, err := os.ReadFile(filepath.Join(w.dir, "ledger"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		source := strings.TrimSuffix(fields[0], ".9")
		if w.delivered[source] == nil {
			w.delivered[source] = map[string]bool{}
		}
		w.delivered[source][fields[0]+" "+fields[2]] = true
	}
	for _, results := range w.delivered {
		if len(results) > 1 {
			f.duplicated++
		}
	}
}

// faultHandlers make one output for one destination and note what was delivered.
func faultHandlers(dir string) archive.Handlers {
	h := ledgerHandlers(dir)
	h.Segment = func(_ context.Context, o archive.Object) (archive.Made, error) { return made(seg(o, "pacs")), nil }
	return h
}

// faultyNode receives, works and expires until it is killed at an operation.
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
	go func() { _ = a.Work(ctx, faultHandlers(dir)) }()
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

// indexFaults spoils the index of an archive, starts, and expects that the start
// is refused or that everything is as it was; and that a rebuild brings all back.
func indexFaults(t *testing.T, n int, spoil func(t *testing.T, dir string) bool) (f tally) {
	template := filled(t)
	a := open(t, options(template))
	want := map[string][]byte{}
	for _, o := range all(t, a) {
		want[o.SOPInstanceUID] = contents(t, o)
	}
	closed(t, a)
	for range n {
		w := newWorld(t, durabletest.Dir(t))
		if err := os.CopyFS(w.dir, os.DirFS(template)); err != nil {
			t.Fatal(err)
		}
		if !spoil(t, w.dir) {
			continue
		}
		f.injected++
		a, err := archive.Open(t.Context(), w.options())
		if err == nil {
			w.a = a
			bad := f.bad()
			w.everything(&f, want)
			f.lost += max(0, 2-len(queue(t, a)))
			if f.bad() > bad && w.log.n.Load() == 0 {
				f.silent++
			}
			closed(t, a)
		} else if !errors.Is(err, archive.ErrIndex) {
			t.Errorf("start: %v", err)
			f.silent++
		}
		if _, err := archive.Rebuild(t.Context(), w.options(), true, func() {}); err != nil {
			t.Errorf("rebuild: %v", err)
		}
		if w.a, err = archive.Open(t.Context(), w.options()); err != nil {
			t.Fatal(err)
		}
		w.everything(&f, want)
		f.lost += max(0, 2-len(queue(t, w.a)))
		w.loose(&f)
		closed(t, w.a)
		if err := os.RemoveAll(w.dir); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// everything expects all objects, once and whole.
func (w *world) everything(f *tally, want map[string][]byte) {
	seen := map[string]int{}
	for _, o := range all(w.t, w.a) {
		seen[o.SOPInstanceUID]++
		if b, err := read(o); err != nil || !bytes.Equal(b, want[o.SOPInstanceUID]) {
			f.damaged++
		}
	}
	for instance := range want {
		switch n := seen[instance]; {
		case n == 0:
			f.lost++
		case n > 1:
			f.duplicated++
		}
	}
}

// loseIndex removes, cuts or replaces the index by an older one.
func loseIndex(t *testing.T, dir string) bool {
	path := filepath.Join(dir, "index.sqlite")
	switch rand.IntN(4) {
	case 0:
		removeAll(t, dir, "", "-wal", "-shm")
	case 1:
		truncate(t, path, rand.Int64N(90000))
	case 2:
		truncate(t, path, 0)
	case 3:
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		a := open(t, options(dir))
		o := receive(t, a, "1.2.99", archive.Keep)
		if _, err := a.Erase(t.Context(), o.ID); err != nil { // leaves changes, and nothing else
			t.Fatal(err)
		}
		closed(t, a)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return true
}

// flipIndex inverts a byte of the index; false when it is one that nothing stands
// on. What counts is whether anything is lost by it.
func flipIndex(t *testing.T, dir string) bool {
	path := filepath.Join(dir, "index.sqlite")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := rand.IntN(len(b))
	for range 1000 {
		if b[at] != 0 {
			break
		}
		at = rand.IntN(len(b))
	}
	b[at] ^= 0xFF
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return true
}

// objectFaults spoils stored images or waiting results, some at a time; the sender
// repeats the images.
func objectFaults(t *testing.T, n int) (f tally) {
	const together = 10
	w := newWorld(t, durabletest.Dir(t))
	w.a = open(t, w.options())
	h := w.handlers()
	for first := 0; first < n; first += together {
		images := map[string][]byte{}
		for i := range together {
			instance := fmt.Sprintf("1.2.%d", first+i+1)
			images[instance] = dataset(dxClass, instance, 500, byte(first+i))
			if err := w.send(instance, images[instance]); err != nil {
				t.Fatal(err)
			}
		}
		results := first/together%2 == 1
		if results { // they wait, and are spoilt
			stop := work(t, w.a, archive.Handlers{Segment: h.Segment})
			await(t, "the results", func() bool { return w.all("deliver", archive.Waiting, together) })
			stop()
		}
		for _, e := range queue(t, w.a) {
			w.spoil(e.ObjectID)
			f.injected++
		}
		warned := w.log.n.Load()
		stop := work(t, w.a, h)
		if !results {
			await(t, "quarantine", func() bool { return w.all("segment", archive.Quarantined, together) })
			for instance, data := range images {
				if err := w.send(instance, data); err != nil {
					f.lost++
				}
			}
		}
		await(t, "the work to be done", func() bool { return len(queue(t, w.a)) == 0 })
		stop()
		f.silent += max(0, together-int(w.log.n.Load()-warned))
		for instance, data := range images {
			w.judge(&f, instance, data, 1)
		}
	}
	w.loose(&f)
	return f
}

// all tells whether n jobs wait, all of one kind and in one state.
func (w *world) all(kind jobs.Kind, state jobs.State, n int) bool {
	q := queue(w.t, w.a)
	for _, e := range q {
		if e.Kind != kind || e.State != state {
			return false
		}
	}
	return len(q) == n
}

// spoil removes, cuts or changes the file of an object.
func (w *world) spoil(id int64) {
	w.t.Helper()
	o, err := w.a.Object(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	spoils := []func(string) error{os.Remove, flip, func(p string) error { return os.Truncate(p, 300) }, func(p string) error { return os.Truncate(p, 0) }}
	if err := spoils[rand.IntN(len(spoils))](path(w.dir, o)); err != nil {
		w.t.Fatal(err)
	}
}

// repeatFaults sends instances again in every form.
func repeatFaults(t *testing.T, n int) (f tally) {
	w := newWorld(t, durabletest.Dir(t))
	w.a = open(t, w.options())
	work(t, w.a, w.handlers())
	for i := range n {
		instance := fmt.Sprintf("1.2.%d", i+1)
		data := dataset(dxClass, instance, 500, byte(i))
		if err := w.send(instance, data); err != nil {
			t.Fatal(err)
		}
		results := 1
		corrected := bytes.Replace(data, []byte("1.2.3.5"), []byte("1.2.3.6"), 1)
		if i%6 != 5 {
			w.settle()
		}
		var want error
		again, newest := data, data
		in := incoming(instance, archive.Segment)
		switch i % 6 {
		case 0: // as it was
		case 1:
			in.TransferSyntaxUID, again = deflatedIncoming().TransferSyntaxUID, deflate(t, data)
		case 2:
			again, newest, results = corrected, corrected, 2
		case 3:
			again, want = dataset(dxClass, instance, 500, byte(i+1)), archive.ErrDuplicate
		case 4: // after it has expired
			if _, _, err := w.a.MakeRoom(t.Context(), 1<<62); err != nil {
				t.Fatal(err)
			}
		case 5: // before its result is made
		}
		f.injected++
		_, err := w.a.Receive(t.Context(), in, bytes.NewReader(again))
		switch {
		case want == nil && err != nil:
			f.lost++
		case want != nil && err == nil:
			f.falseSuccess++
		case !errors.Is(err, want):
			t.Errorf("repeat %d: %v, want %v", i, err, want)
		}
		w.settle()
		w.judge(&f, instance, newest, results)
	}
	w.loose(&f)
	return f
}

// hostileFaults sends data sets with random damage: what is acknowledged is kept
// byte for byte, what is refused leaves nothing.
func hostileFaults(t *testing.T, n int) (f tally) {
	w := newWorld(t, durabletest.Dir(t))
	w.a = open(t, w.options())
	for i := range n {
		instance := fmt.Sprintf("1.2.%d", i+1)
		data := dataset(dxClass, instance, 200, byte(i))
		for range 1 + rand.IntN(4) {
			switch at := rand.IntN(len(data)); rand.IntN(3) {
			case 0:
				data[at] = byte(rand.Uint32())
			case 1:
				data = data[:max(at, 1)]
			case 2:
				data = append(data[:at:at], append(bytes.Repeat([]byte{0xFF}, rand.IntN(9)), data[at:]...)...)
			}
		}
		f.injected++
		if err := w.send(instance, data); err == nil {
			o, err := w.a.Find(t.Context(), instance)
			if err != nil {
				f.falseSuccess++
			} else if b, err := read(o); err != nil || !bytes.Equal(b, data) {
				f.damaged++
			}
		} else if _, ferr := w.a.Find(t.Context(), instance); !errors.Is(ferr, archive.ErrNotFound) {
			f.silent++
		}
	}
	w.loose(&f)
	return f
}
