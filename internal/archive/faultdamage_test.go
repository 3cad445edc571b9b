package archive_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
)

// indexFaults damages the index of an archive. Open must refuse it, or everything must be
// unchanged; a rebuild must restore everything.
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

// loseIndex removes or truncates the index, or replaces it by an older one.
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
		if _, err := a.Erase(t.Context(), o.ID); err != nil { // changes the index only
			t.Fatal(err)
		}
		closed(t, a)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return true
}

// flipIndex inverts a byte of the index; false if the byte is not used. The test is whether
// anything is lost.
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

// objectFaults damages stored images or waiting results, several at a time; then the sender
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
		if results { // results that wait are damaged
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
