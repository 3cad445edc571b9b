package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dicomnode/internal/archive"
	"dicomnode/internal/archive/index"
	"dicomnode/internal/durable/durabletest"
)

// closed closes an archive that open opened.
func closed(t *testing.T, a *archive.Archive) {
	t.Helper()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

// filled returns a folder of an archive with three images: one is segmented and delivered, the
// delivery of one waits, and one waits for segmentation.
func filled(t *testing.T) (dir string) {
	t.Helper()
	dir = durabletest.Dir(t)
	a := open(t, options(dir))
	receive(t, a, "1.2.1", archive.Segment)
	receive(t, a, "1.2.2", archive.Segment)
	stop := work(t, a, archive.Handlers{
		Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
			return made(seg(o, map[string]string{"1.2.1": "pacs", "1.2.2": "dead"}[o.SOPInstanceUID])), nil
		},
		Deliver: func(_ context.Context, _ archive.Object, destination string) (archive.Answer, error) {
			if destination == "dead" {
				return archive.Answer{Status: 0xA700, Words: "out of resources"}, errors.New("out of resources")
			}
			return archive.Answer{Words: "success"}, nil
		},
	})
	await(t, "one delivery", func() bool { q := queue(t, a); return len(q) == 1 && q[0].Destination == "dead" && q[0].Attempts > 0 })
	stop()
	receive(t, a, "1.2.3", archive.Segment)
	closed(t, a)
	return dir
}

// sums returns the digests of the files below dir, regardless of their names.
func sums(t *testing.T, dir string) (all []string) {
	t.Helper()
	for _, file := range objectFiles(t, dir) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, number(string(b)))
	}
	slices.Sort(all)
	return all
}

// Open refuses an index that does not belong to the objects, and removes or changes nothing.
func TestIndexDoesNotBelong(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"lost":  func(t *testing.T, dir string) { removeAll(t, dir, "", "-wal", "-shm") },
		"empty": func(t *testing.T, dir string) { truncate(t, filepath.Join(dir, "index.sqlite"), 0) },
		"cut":   func(t *testing.T, dir string) { truncate(t, filepath.Join(dir, "index.sqlite"), 90000) },
		"flipped": func(t *testing.T, dir string) {
			scribble(t, filepath.Join(dir, "index.sqlite"), 100, 4000)
		},
		"an older copy": func(t *testing.T, dir string) {
			b, err := os.ReadFile(filepath.Join(dir, "index.sqlite"))
			if err != nil {
				t.Fatal(err)
			}
			a := open(t, options(dir))
			receive(t, a, "1.2.4", archive.Segment)
			closed(t, a)
			if err := os.WriteFile(filepath.Join(dir, "index.sqlite"), b, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"lost and no log either": func(t *testing.T, dir string) { removeAll(t, dir, "", "-wal", "-shm", ".changes") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filled(t)
			spoil(t, dir)
			before := sums(t, dir)
			if a, err := archive.Open(t.Context(), options(dir)); !errors.Is(err, archive.ErrIndex) {
				t.Errorf("opened: %v", err)
				if err == nil {
					a.Close()
				}
			}
			if diff := cmp.Diff(before, sums(t, dir)); diff != "" {
				t.Errorf("files changed:\n%s", diff)
			}
			rebuilt(t, dir, len(before))
		})
	}
}

func removeAll(t *testing.T, dir string, suffixes ...string) {
	t.Helper()
	for _, s := range suffixes {
		if err := os.Remove(filepath.Join(dir, "index.sqlite"+s)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

func scribble(t *testing.T, path string, at int64, n int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(bytes.Repeat([]byte{0xFF}, n), at); err != nil {
		t.Fatal(err)
	}
}

// rebuilt rebuilds the index of a filled folder and expects all objects in it, and one job for
// each image without a result.
func rebuilt(t *testing.T, dir string, objects int) {
	t.Helper()
	r, err := archive.Rebuild(t.Context(), options(dir), true, func() {})
	if err != nil || r.Received+r.Results != objects || r.Aside != 0 || r.Jobs != objects-4 {
		t.Errorf("rebuilt %+v, %v; want %d objects", r, err, objects)
	}
	a := open(t, options(dir))
	delivered := map[string]int{}
	for _, o := range all(t, a) {
		if contents(t, o) == nil || o.ParentID == 0 && (o.Source != "dx1" || o.Purpose != archive.Segment || o.CallingAE != "DXROOM1") {
			t.Errorf("object %+v", o)
		}
		if o.ParentID != 0 {
			delivered[o.SOPInstanceUID]++
		}
	}
	if diff := cmp.Diff(map[string]int{"1.2.1.9": 1, "1.2.2.9": 1}, delivered); diff != "" {
		t.Error(diff)
	}
}

// A rebuilt index has the same rows as the old one with the same numbers, and the SHA-256 of every object.
func TestRebuildGivesTheSameRows(t *testing.T) {
	dir := filled(t)
	rows := func(rebuilt bool) (list []index.Object) {
		a := open(t, options(dir))
		defer a.Close()
		for _, o := range all(t, a) {
			if o.SHA256 == "" && !rebuilt { // no job has read it
				o.SHA256 = sha256Of(contents(t, o))
			}
			list = append(list, o.Object)
		}
		slices.SortFunc(list, func(x, y index.Object) int { return strings.Compare(x.SOPInstanceUID, y.SOPInstanceUID) })
		return list
	}
	before := rows(false)
	if _, err := archive.Rebuild(t.Context(), options(dir), false, func() {}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, rows(true)); diff != "" {
		t.Error(diff)
	}
	a := open(t, options(dir))
	if q := queue(t, a); len(q) != 1 || q[0].Kind != "segment" {
		t.Errorf("queue %+v, want the waiting image: deliveries are left out", q)
	}
}

// Objects keep their numbers when the index is rebuilt, because logs and manual actions have them;
// no other object gets one of them.
func TestRebuildKeepsNumbers(t *testing.T) {
	other, dir := durabletest.Dir(t), durabletest.Dir(t)
	b := open(t, options(other))
	unknown := receive(t, b, "1.2.6", archive.Keep) // the first that was received
	closed(t, b)
	a := open(t, options(dir))
	lost := receive(t, a, "1.2.3", archive.Keep)
	kept := receive(t, a, "1.2.4", archive.Keep)
	if err := errors.Join(a.Note(t.Context(), "test", fmt.Sprintf("objects %d", kept.ID)), os.Remove(path(dir, lost))); err != nil {
		t.Fatal(err)
	}
	closed(t, a)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path(dir, unknown)), 0o700), os.Rename(path(other, unknown), path(dir, unknown))); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Rebuild(t.Context(), options(dir), false, func() {}); err != nil {
		t.Fatal(err)
	}
	a = open(t, options(dir))
	got := map[string]int64{}
	for _, o := range all(t, a) {
		got[o.SOPInstanceUID] = o.ID
	}
	if diff := cmp.Diff(map[string]int64{"1.2.4": kept.ID, "1.2.6": kept.ID + 1}, got); diff != "" {
		t.Error(diff)
	}
}

// A file without a row is adopted if it is a complete object, and set aside otherwise; drafts
// are removed.
func TestOpenAdopts(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	lost := receive(t, a, "1.2.3", archive.Segment)
	want := contents(t, lost)
	o := receive(t, a, "1.2.4", archive.Keep)
	closed(t, a)
	b, err := os.ReadFile(path(dir, lost))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path(dir, lost)+".part", b, 0o600); err != nil { // a second file of the same object
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"incoming/1.part":                     []byte("left over"),
		"objects/00/orphan.dcm":               []byte("left over"),
		filepath.Dir(o.Name) + "/cut.dcm":     b[:len(b)-1],
		filepath.Dir(o.Name) + "/flipped.dcm": append(append([]byte{}, b[:len(b)-1]...), b[len(b)-1]^1),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	forget(t, dir, lost.ID)
	a = open(t, options(dir))
	if got, err := a.Find(t.Context(), "1.2.3"); err != nil || !bytes.Equal(contents(t, got), want) || !got.Received.Equal(lost.Received) {
		t.Errorf("adopted %+v, %v", got, err)
	}
	if q := queue(t, a); len(q) != 1 || q[0].Kind != "segment" {
		t.Errorf("queue %+v, want one segment job", q)
	}
	if files := objectFiles(t, dir); len(files) != 2 {
		t.Errorf("files %v, want two", files)
	}
	if aside, err := os.ReadDir(filepath.Join(dir, "lost+found")); err != nil || len(aside) != 4 {
		t.Errorf("set aside %v, %v; want four", aside, err)
	}
}

// forget removes a row and its jobs, as if the transaction had not been committed.
func forget(t *testing.T, dir string, id int64) {
	t.Helper()
	db := database(t, dir)
	for _, s := range []string{"DELETE FROM object WHERE id = ?", "DELETE FROM river_job WHERE json_extract(args, '$.object_id') = ?"} {
		if _, err := db.ExecContext(t.Context(), s, id); err != nil {
			t.Fatal(err)
		}
	}
}

// A kill between the removal of rows and of files restores nothing.
func TestKilledInExpiry(t *testing.T) {
	dir := filled(t)
	a := open(t, options(dir))
	keep := map[string][]byte{}
	for _, o := range all(t, a) {
		b, err := os.ReadFile(path(dir, o))
		if err != nil {
			t.Fatal(err)
		}
		keep[path(dir, o)] = b
	}
	if n, _, err := a.MakeRoom(t.Context(), 1<<62); n != 2 || err != nil {
		t.Fatalf("removed %d, %v", n, err)
	}
	closed(t, a)
	for name, b := range keep { // the files that a kill would have left
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a = open(t, options(dir))
	if n := len(all(t, a)); n != 3 {
		t.Errorf("%d objects, want the 3 that have something to do", n)
	}
	if n := len(objectFiles(t, dir)); n != 3 {
		t.Errorf("%d files, want 3", n)
	}
}

// An archive of the previous release can be opened: rows, files, jobs, and states of
// deliveries. The old index is kept beside the new one.
func TestOldArchive(t *testing.T) {
	dir := durabletest.Dir(t)
	if err := os.CopyFS(dir, os.DirFS("testdata/archive-schema-2")); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join(dir, "index.sql"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := database(t, dir).ExecContext(t.Context(), string(script)); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.OpenShared(t.Context(), options(dir)); !errors.Is(err, index.ErrOld) {
		t.Errorf("a read verb before the owner: %v, want ErrOld", err)
	}
	a := open(t, options(dir))
	got := map[int64]string{}
	for _, o := range all(t, a) {
		got[o.ID] = o.Outcome
		if len(contents(t, o)) == 0 || o.Version != 1 {
			t.Errorf("object %+v", o)
		}
		for _, d := range deliveriesOf(t, a, o.ID) {
			got[o.ID] += string(d.State)
		}
	}
	if diff := cmp.Diff(map[int64]string{1: archive.Segmented, 2: archive.Kept, 3: "delivered", 4: archive.NoRoute, 5: archive.Segmented, 6: "failing"}, got); diff != "" {
		t.Error(diff)
	}
	if q := queue(t, a); len(q) != 1 || q[0].ID != 5 || q[0].Kind != "deliver" || q[0].Destination != "pacs" || q[0].ObjectID != 6 {
		t.Errorf("queue %+v", q)
	}
	sent := make(chan int64, 1)
	if n, err := a.Retry(t.Context()); n != 0 || err != nil {
		t.Errorf("retry of none: %d, %v", n, err)
	}
	if _, err := a.Retry(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	work(t, a, archive.Handlers{Deliver: func(_ context.Context, o archive.Object, _ string) (archive.Answer, error) {
		sent <- o.ID
		return archive.Answer{}, nil
	}})
	if id := <-sent; id != 6 {
		t.Errorf("delivered object %d", id)
	}
	await(t, "sums of old objects", func() bool {
		return !slices.ContainsFunc(all(t, a), func(o archive.Object) bool { return o.SHA256 == "" })
	})
	if _, err := os.Stat(filepath.Join(dir, "index.sqlite.schema-2")); err != nil {
		t.Error(err)
	}
}

func deliveriesOf(t *testing.T, a *archive.Archive, id int64) []index.Delivery {
	t.Helper()
	d, err := a.Deliveries(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Work ends if the data directory is removed or replaced.
func TestRemovedDirectory(t *testing.T) {
	dir := filepath.Join(durabletest.Dir(t), "archive")
	a := open(t, options(dir))
	receive(t, a, "1.2.3", archive.Dark)
	began, done := make(chan struct{}), make(chan error, 1)
	begin := sync.OnceFunc(func() { close(began) })
	go func() {
		done <- a.Work(context.Background(), archive.Handlers{Dark: func(context.Context, archive.Object) error { begin(); return nil }})
	}()
	<-began
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, archive.ErrGone) {
		t.Errorf("work ended with %v, want ErrGone", err)
	}
}

// When no more files can be kept the work ends, so that the node is started again.
func TestStoreFails(t *testing.T) {
	a := open(t, options(durabletest.Dir(t)))
	a.FailStore()
	err := a.Work(t.Context(), archive.Handlers{Segment: func(context.Context, archive.Object) (archive.Made, error) {
		return archive.Made{}, nil
	}})
	if !errors.Is(err, archive.ErrUntrustedFiles) {
		t.Errorf("work ended with %v, want %v", err, archive.ErrUntrustedFiles)
	}
}

// Check reports missing, damaged and unnamed files, and nothing else.
func TestCheck(t *testing.T) {
	dir := filled(t)
	a := open(t, options(dir))
	if c, err := a.Check(t.Context(), func() {}); err != nil || c.Objects != 5 || len(c.Problems) != 0 || c.Unsummed != 0 {
		t.Errorf("a good archive: %+v, %v", c, err)
	}
	list := all(t, a)
	if err := errors.Join(os.Remove(path(dir, list[0])), flip(path(dir, list[1])),
		os.WriteFile(filepath.Join(dir, "objects", "00", "x.dcm"), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	c, err := a.Check(t.Context(), func() {})
	var objects []int64
	for _, p := range c.Problems {
		objects = append(objects, p.Object)
	}
	if diff := cmp.Diff([]int64{list[1].ID, list[0].ID, 0}, objects); err != nil || diff != "" {
		t.Errorf("problems %+v, %v", c.Problems, err)
	}
}

// A job that ran when its node was killed can be dropped and retried before the next start.
func TestQueueOfKilledNode(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	receive(t, a, "1.2.1", archive.Segment)
	closed(t, a)
	if _, err := database(t, dir).ExecContext(t.Context(), "UPDATE river_job SET state = 'running'"); err != nil {
		t.Fatal(err)
	}
	shared, err := archive.OpenShared(t.Context(), options(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	id := queue(t, shared)[0].ID
	if n, err := shared.Retry(t.Context(), id); n != 1 || err != nil {
		t.Errorf("retried %d, %v", n, err)
	}
	if _, err := database(t, dir).ExecContext(t.Context(), "UPDATE river_job SET state = 'running'"); err != nil {
		t.Fatal(err)
	}
	if n, err := shared.Drop(t.Context(), id); len(n) != 1 || err != nil {
		t.Errorf("dropped %d, %v", n, err)
	}
}
