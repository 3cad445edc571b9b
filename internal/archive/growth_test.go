package archive_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
)

// database opens the index while the archive has it open.
func database(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "index.sqlite")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// MakeRoom removes the oldest finished objects, and no more of them than necessary.
func TestMakeRoom(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	waiting := receive(t, a, "1.2.1", archive.Segment)
	var finished []archive.Object
	for i := range 50 {
		finished = append(finished, receive(t, a, fmt.Sprintf("1.3.%d", i+1), archive.Keep))
	}
	a.SetFree(func(string) (int64, error) { return int64(1000 - len(objectFiles(t, dir))), nil })
	for _, c := range []struct {
		free          int64
		removed, left int
		have          int64
	}{
		{940, 0, 51, 949},  // enough free space
		{960, 32, 19, 981}, // one batch is enough
		{2000, 18, 1, 999}, // no removal is enough; waiting objects stay
	} {
		removed, have, err := a.MakeRoom(t.Context(), c.free)
		if err != nil || removed != c.removed || have != c.have {
			t.Errorf("room for %d: removed %d, %d free, %v; want %d, %d", c.free, removed, have, err, c.removed, c.have)
		}
		if n := len(objectFiles(t, dir)); n != c.left {
			t.Errorf("%d files are left, want %d", n, c.left)
		}
		if c.left == 19 {
			if _, err := a.Object(t.Context(), finished[31].ID); !errors.Is(err, archive.ErrNotFound) {
				t.Errorf("an old object is there: %v", err)
			}
			if _, err := a.Object(t.Context(), finished[32].ID); err != nil {
				t.Errorf("a younger object is gone: %v", err)
			}
		}
	}
	if _, err := a.Object(t.Context(), waiting.ID); err != nil {
		t.Errorf("the object with a job is gone: %v", err)
	}
	broken := errors.New("cannot measure")
	a.SetFree(func(string) (int64, error) { return 0, broken })
	if _, _, err := a.MakeRoom(t.Context(), 1); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

// The rows of finished jobs are removed after an hour, those of quarantined jobs never.
func TestFinishedJobsGo(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	stop := work(t, a, archive.Handlers{Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
		if o.SOPInstanceUID == "1.2.3" {
			return archive.Made{}, archive.Permanent(errors.New("unsupported pixels"))
		}
		return made(), nil
	}})
	for i := range 3 {
		receive(t, a, fmt.Sprintf("1.2.%d", i+1), archive.Segment)
	}
	db := database(t, dir)
	jobs := func(state string) (n int) {
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM river_job WHERE state = ?", state).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	await(t, "jobs", func() bool { return jobs("completed") == 2 && jobs("cancelled") == 1 })
	stop()
	old := time.Now().Add(-61 * time.Minute).UTC().Format("2006-01-02 15:04:05.000")
	if _, err := db.ExecContext(t.Context(), "UPDATE river_job SET finalized_at = ? WHERE id IN (1, 3)", old); err != nil {
		t.Fatal(err)
	}
	work(t, a, archive.Handlers{Dark: func(context.Context, archive.Object) error { return nil }})
	await(t, "the old row to go", func() bool { return jobs("completed") == 1 })
	if jobs("cancelled") != 1 {
		t.Error("a quarantined job went")
	}
}

// The space of removed rows is used again: the database grows with its present content, not
// with everything it has contained.
func TestDatabaseIsReused(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	var sizes []int64
	for round := range 3 {
		for i := range 50 {
			in := incoming(fmt.Sprintf("1.%d.%d", round+1, i+1), archive.Keep)
			in.Route = strings.Repeat("r", 2000)
			if _, err := a.Receive(t.Context(), in, bytes.NewReader(dataset(dxClass, in.SOPInstanceUID, 10, 1))); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := a.Prune(t.Context(), time.Now()); n != 50 || err != nil {
			t.Fatalf("pruned %d, %v", n, err)
		}
		if _, err := database(t, dir).ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, fileSize(t, filepath.Join(dir, "index.sqlite")))
	}
	if first, last := sizes[0], sizes[len(sizes)-1]; last > first+first/10 {
		t.Errorf("the database has %v bytes after each round, want no growth", sizes)
	}
}

// Any folder name is allowed.
func TestFolderNames(t *testing.T) {
	t.Chdir(durabletest.Dir(t))
	for _, dir := range []string{"data", "a b/c?d#e%20f"} {
		a := open(t, options(dir))
		o := receive(t, a, "1.2.3", archive.Keep)
		if _, err := os.Stat(filepath.Join(dir, "index.sqlite")); err != nil {
			t.Error(err)
		}
		if got := contents(t, o); !bytes.Equal(got, dataset(dxClass, "1.2.3", 1000, 7)) {
			t.Errorf("%s: another data set came back", dir)
		}
	}
}
