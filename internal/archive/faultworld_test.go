package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/internal/archive/jobs"
)

// world is a working archive, the objects that it has acknowledged, and those that it has
// delivered to a PACS, which is to commit them.
type world struct {
	t   *testing.T
	dir string
	a   *archive.Archive
	log *counted

	mu        sync.Mutex
	delivered map[string]map[string]bool // source → UIDs and bytes of results
}

// counted counts log messages of level warning and above.
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

// handlers make a result whose UID depends on the patient of the image.
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
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.delivered[source(o)] == nil {
				w.delivered[source(o)] = map[string]bool{}
			}
			w.delivered[source(o)][o.SOPInstanceUID+" "+number(string(b))] = true
			return archive.Answer{Commit: true}, nil
		},
		Commit: committing(func() *archive.Archive { return w.a }, w.forgets),
	}
}

// source returns the SOP Instance UID of the image of a result.
func source(result archive.Object) string {
	return result.SOPInstanceUID[:strings.LastIndex(result.SOPInstanceUID, ".")]
}

// send stores data as an instance.
func (w *world) send(instance string, data []byte) error {
	_, err := w.a.Receive(context.Background(), incoming(instance, archive.Segment), bytes.NewReader(data))
	return err
}

// judge adds to f the state of an instance that was acknowledged with data.
func (w *world) judge(f *tally, instance string, data []byte, results int) {
	o, err := w.a.Find(context.Background(), instance)
	if err != nil {
		f.lost++
		return
	}
	if b, err := read(o); err != nil || !bytes.Equal(b, data) {
		f.damaged++
	}
	w.committed(f, o)
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
	if f.damaged += len(c.Problems); len(c.Problems) > 0 {
		w.t.Logf("problems: %+v", c.Problems)
	}
}

// settle retries quarantined jobs until no job is left.
func (w *world) settle() {
	w.t.Helper()
	await(w.t, "the work to be done", func() bool {
		s, err := w.a.Stats(context.Background())
		if err != nil {
			return false
		}
		if s.Quarantined > 0 {
			_, _ = w.a.Retry(context.Background()) // a fault may affect the retry too
		}
		return s.Waiting+s.Running+s.Retrying+s.Quarantined == 0
	})
}

// judgeKept is judge for instances that may have expired since.
func (w *world) judgeKept(f *tally, instance string) {
	if _, err := w.a.Find(context.Background(), instance); err == nil {
		w.judge(f, instance, crashData(instance), 1)
		return
	}
	if len(w.delivered[instance]) != 1 { // it expires only after its result was delivered
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

// everything checks that the archive contains all objects once and undamaged.
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

// all reports whether n jobs of one kind and in one state wait.
func (w *world) all(kind jobs.Kind, state jobs.State, n int) bool {
	q := queue(w.t, w.a)
	for _, e := range q {
		if e.Kind != kind || e.State != state {
			return false
		}
	}
	return len(q) == n
}

// spoil removes, truncates or changes the file of an object.
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
