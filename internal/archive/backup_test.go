package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
)

// A backup made while the node receives can be restored completely, with jobs. Objects erased
// since do not come back.
func TestBackupAndRestore(t *testing.T) {
	dir := filled(t)
	a := open(t, options(dir))
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() { // the node receives and expires objects in the meantime
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			instance := "1.5." + number(string(rune(i)))
			if _, err := a.Receive(context.Background(), incoming(instance, archive.Keep), bytes.NewReader(dataset(dxClass, instance, 1000, 7))); err != nil {
				t.Error(err)
				return
			}
			if i%5 == 4 {
				if _, err := a.Prune(context.Background(), time.Now()); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	backup := filepath.Join(durabletest.Dir(t), "backup")
	n, damaged, err := a.Backup(t.Context(), backup, func() {})
	close(stop)
	<-stopped
	if err != nil || n < 3 || len(damaged) != 0 {
		t.Fatalf("%d objects, damaged %v, %v", n, damaged, err)
	}
	gone, err := a.Find(t.Context(), "1.2.2")
	if err != nil {
		t.Fatal(err)
	}
	if removed, err := a.Erase(archive.WithReason(t.Context(), "asked for"), gone.ID); err != nil || removed != 2 {
		t.Errorf("erased %d, %v; want the image and its result", removed, err)
	}
	closed(t, a)

	if _, err := archive.Restore(t.Context(), options(dir), backup, func() {}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("restore over an archive: %v", err)
	}
	away := filepath.Join(dir, "away")
	if err := os.Mkdir(away, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"index.sqlite", "index.sqlite.changes", "objects"} {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(away, name)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := archive.Restore(t.Context(), options(dir), backup, func() {})
	if err != nil || r.Objects != n-2 || r.Missing != 0 || r.Erased != 2 {
		t.Fatalf("restored %+v, %v; want %d objects without the 2 erased", r, err, n)
	}
	a = open(t, options(dir))
	if _, err := a.Find(t.Context(), "1.2.2"); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("the erased image: %v", err)
	}
	if o, err := a.Find(t.Context(), "1.2.3"); err != nil || !bytes.Equal(contents(t, o), dataset(dxClass, "1.2.3", 1000, 7)) {
		t.Errorf("a restored image: %v", err)
	}
	if q := queue(t, a); len(q) != 1 || q[0].Kind != "segment" {
		t.Errorf("queue %+v", q)
	}
}

// In a backup made while jobs run, these jobs are marked as running, though no node works on
// it. Their objects can still be erased from it, and the restore erases again what was erased
// since. A working node keeps the objects of its running jobs.
func TestEraseWhereJobsRan(t *testing.T) {
	dir := durabletest.Dir(t)
	opt := options(dir)
	opt.SegmentWorkers = 2
	a := open(t, opt)
	began := make(chan struct{}, 2)
	release := make(chan struct{})
	stop := work(t, a, archive.Handlers{Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
		began <- struct{}{}
		<-release
		return made(seg(o, "pacs")), nil
	}})
	first, second := receive(t, a, "1.2.1", archive.Segment), receive(t, a, "1.2.2", archive.Segment)
	<-began
	<-began
	backup := filepath.Join(durabletest.Dir(t), "backup")
	if n, _, err := a.Backup(t.Context(), backup, func() {}); n != 2 || err != nil {
		t.Fatalf("%d objects, %v", n, err)
	}
	shared, err := archive.OpenShared(t.Context(), options(dir))
	if err != nil {
		t.Fatal(err)
	}
	for name, beside := range map[string]*archive.Archive{"the node": a, "a verb beside it": shared} {
		if _, err := beside.Erase(t.Context(), first.ID); !errors.Is(err, archive.ErrRunning) {
			t.Errorf("%s erases what is being segmented: %v", name, err)
		}
	}
	closed(t, shared)
	if _, err := os.Stat(filepath.Join(dir, "erased")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was not erased is recorded: %v", err)
	}
	close(release)
	stop()
	if _, err := a.Erase(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	closed(t, a)

	restored := durabletest.Dir(t)
	copyList(t, dir, restored)
	r, err := archive.Restore(t.Context(), options(restored), backup, func() {})
	if err != nil || r.Objects != 1 || r.Erased != 1 {
		t.Fatalf("restored %+v, %v; want one of two", r, err)
	}
	if shared, err = archive.OpenShared(t.Context(), options(restored)); err != nil {
		t.Fatal(err)
	}
	if q := queue(t, shared); len(q) != 1 || q[0].State != archive.Running {
		t.Errorf("queue %+v: the test is about a job that seems to run", q)
	}
	if n, err := shared.Erase(t.Context(), second.ID); n != 1 || err != nil {
		t.Errorf("erased %d, %v", n, err)
	}
	if q := queue(t, shared); len(q) != 0 {
		t.Errorf("queue %+v", q)
	}
	closed(t, shared)
}

// copyList copies the list of erased instances.
func copyList(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(from, "erased"))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, "erased"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Erase leaves no UID, no digest and no file, and is recorded.
func TestErase(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	deliveries := segmenting(t, a)
	var last archive.Object
	for _, id := range []string{"A", "B"} {
		o, err := send(t, a, patient(id), archive.Segment)
		if err != nil {
			t.Fatal(err)
		}
		last = o
		<-deliveries
		idle(t, a)
	}
	other := receive(t, a, "1.2.77", archive.Keep)
	if n, err := a.Erase(archive.WithReason(t.Context(), "asked for"), last.ID); n != 4 || err != nil {
		t.Fatalf("erased %d, %v; want two versions and their results", n, err)
	}
	if list := all(t, a); len(list) != 1 || list[0].ID != other.ID {
		t.Errorf("left %+v", list)
	}
	if files := objectFiles(t, dir); len(files) != 1 {
		t.Errorf("files %v", files)
	}
	acts, err := a.Acts(t.Context(), 10)
	if err != nil || len(acts) != 1 || acts[0].What != "erase" || acts[0].Reason != "asked for" || strings.Contains(acts[0].Subject, "1.2.3") {
		t.Errorf("acts %+v, %v", acts, err)
	}
	var uids int
	if err := database(t, dir).QueryRowContext(t.Context(), "SELECT count(*) FROM tombstone WHERE sop_instance_uid <> '' OR sha256 <> '' OR results <> '[]' AND results <> 'null'").Scan(&uids); err != nil || uids != 0 {
		t.Errorf("%d tombstones tell what was erased, %v", uids, err)
	}
	if _, err := send(t, a, patient("A"), archive.Segment); err != nil { // repeated on purpose
		t.Fatal(err)
	}
	<-deliveries
}

// Lines that an earlier attempt has cut are skipped, and the next erasure does not continue them.
func TestErasedListCut(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	list := filepath.Join(dir, "erased")
	keep := func() archive.Object { return receive(t, a, "1.2.3", archive.Keep) }
	if _, err := a.Erase(t.Context(), keep().ID); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 40, 64, 65, 80, len(whole) - 1} {
		if err := os.WriteFile(list, append(whole, whole[:n]...), 0o600); err != nil {
			t.Fatal(err)
		}
		closed(t, a)
		a = open(t, options(dir))
		if _, err := a.Erase(t.Context(), keep().ID); err != nil {
			t.Fatal(err)
		}
		now, err := os.ReadFile(list)
		lines := strings.Split(string(now), "\n")
		if err != nil || len(lines) != 4 || lines[0]+"\n" != string(whole) || len(lines[2]) < 80 || lines[3] != "" {
			t.Errorf("after %d bytes of a line: %q, %v", n, now, err)
		}
		if n, err := a.EraseAgain(t.Context()); n != 0 || err != nil {
			t.Errorf("erased again: %d, %v", n, err)
		}
	}
}

// A restore does not begin where a file of another index is left.
func TestRestoreBesideLeftovers(t *testing.T) {
	dir, backup := durabletest.Dir(t), filepath.Join(durabletest.Dir(t), "backup")
	a := open(t, options(dir))
	receive(t, a, "1.2.1", archive.Keep)
	if _, _, err := a.Backup(t.Context(), backup, func() {}); err != nil {
		t.Fatal(err)
	}
	receive(t, a, "1.2.2", archive.Keep)
	for _, left := range []string{"index.sqlite", "index.sqlite-wal", "index.sqlite.changes", "index.sqlite.rebuilding"} {
		to := durabletest.Dir(t)
		b, err := os.ReadFile(filepath.Join(dir, left))
		if err != nil && left != "index.sqlite.rebuilding" {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, left), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := archive.Restore(t.Context(), options(to), backup, func() {}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("beside %s: restored %+v, %v", left, r, err)
		}
	}
}
