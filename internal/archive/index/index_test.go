package index_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/index/indextest"
	"dicomnode/internal/durable/durabletest"
)

func TestSQLite(t *testing.T) {
	indextest.Run(t, func(t *testing.T) index.Index { return open(t, durabletest.Dir(t)) })
}

func TestMemory(t *testing.T) {
	indextest.Run(t, func(*testing.T) index.Index { return index.NewMemory() })
}

func free() error { return nil }

// open opens an index that the caller closes.
func open(t *testing.T, dir string) *index.SQLite {
	t.Helper()
	x, err := index.Open(t.Context(), dir, free)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// made returns a folder with an index of the given number of objects.
func made(t *testing.T, objects int) string {
	t.Helper()
	dir := durabletest.Dir(t)
	x := open(t, dir)
	err := x.Update(t.Context(), func(tx index.Tx) error {
		for i := range objects {
			if _, err := tx.Add(indextest.Object("1.2", i+1)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, x.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func rewrite(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(b), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Open refuses an index that does not belong to the folder, and leaves it unchanged.
func TestOpenRefuses(t *testing.T) {
	refuse := errors.New("there are objects")
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, path string)
		want  error
	}{
		{"lost", func(t *testing.T, path string) { _ = os.Remove(path) }, refuse},
		{"empty", func(t *testing.T, path string) { rewrite(t, path, func([]byte) []byte { return nil }) }, refuse},
		{"cut", func(t *testing.T, path string) { rewrite(t, path, func(b []byte) []byte { return b[:len(b)/2] }) }, index.ErrDamaged},
		{"no database", func(t *testing.T, path string) {
			rewrite(t, path, func(b []byte) []byte { copy(b, make([]byte, 100)); return b })
		}, index.ErrDamaged},
		{"schema scribbled over", func(t *testing.T, path string) {
			rewrite(t, path, func(b []byte) []byte {
				for i := 100; i < 4096; i++ {
					b[i] = 0xff
				}
				return b
			})
		}, index.ErrDamaged},
		{"newer", func(t *testing.T, path string) {
			execute(t, path, "CREATE TABLE later (id INTEGER)", "PRAGMA user_version = 99")
		}, index.ErrNewer},
		{"another schema in its header", func(t *testing.T, path string) {
			execute(t, path, "CREATE TABLE river_job (id TEXT PRIMARY KEY)", "PRAGMA user_version = 249") // the jobs' tables are here too
		}, index.ErrDamaged},
		{"an older schema in its header", func(t *testing.T, path string) { execute(t, path, "PRAGMA user_version = 2") }, index.ErrDamaged},
		{"no schema in its header", func(t *testing.T, path string) { execute(t, path, "PRAGMA user_version = 0") }, index.ErrDamaged},
		{"a negative schema in its header", func(t *testing.T, path string) { execute(t, path, "PRAGMA user_version = -7") }, index.ErrDamaged},
		{"older than its witness", func(t *testing.T, path string) { execute(t, path, "UPDATE value SET value = 1 WHERE key = 'changes'") }, index.ErrBehind},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := made(t, 300)
			path := filepath.Join(dir, index.FileName)
			tt.spoil(t, path)
			before, _ := os.ReadFile(path)
			x, err := index.Open(t.Context(), dir, func() error { return refuse })
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if x != nil {
				x.Close()
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("the file was changed")
			}
		})
	}
}

func execute(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// A zeroed sector is found when the index is opened, as far as a database can detect it: all
// sectors with rows or indexes are tried.
func TestZeroedSectors(t *testing.T) {
	dir := made(t, 400)
	path := filepath.Join(dir, index.FileName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sectors, found, same := len(good)/512, 0, 0
	for i := range 24 {
		at := sectors * i / 24 * 512
		bad := append([]byte(nil), good...)
		copy(bad[at:at+512], make([]byte, 512))
		if string(bad) == string(good) {
			same++ // the sector was empty
			continue
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		x, err := index.Open(t.Context(), dir, free)
		if err == nil {
			x.Close()
		} else if errors.Is(err, index.ErrDamaged) {
			found++
		} else {
			t.Errorf("sector at %d: %v, want ErrDamaged", at, err)
		}
	}
	if found < (24-same)*3/4 {
		t.Errorf("%d of %d zeroed sectors found", found, 24-same)
	}
	t.Logf("%d of %d zeroed sectors found by the check, %d held nothing", found, 24, same)
}

// The owner copies and migrates a database with an older schema; OpenShared does not change it.
func TestOldSchema(t *testing.T) {
	dir := durabletest.Dir(t)
	b, err := os.ReadFile("testdata/schema-2.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, index.FileName)
	execute(t, path, string(b))
	if _, err := index.OpenShared(t.Context(), dir); !errors.Is(err, index.ErrOld) {
		t.Errorf("shared: %v, want ErrOld", err)
	}
	x := open(t, dir)
	defer x.Close()
	if x.From != 2 {
		t.Errorf("opened from schema %d, want 2", x.From)
	}
	err = x.View(t.Context(), func(tx index.Tx) error {
		o, err := tx.Newest("1.2.3.9")
		if err != nil {
			return err
		}
		if o.ID != 2 || o.Version != 1 || o.ParentID != 1 || o.Name != "objects/d0/b.dcm" || o.SHA256 != "" {
			t.Errorf("object %+v", o)
		}
		all, err := tx.DeliveriesOf(2)
		if len(all) != 1 || all[0].Destination != "pacs" {
			t.Errorf("deliveries %+v", all)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = x.Update(t.Context(), func(tx index.Tx) error {
		id, err := tx.Add(indextest.Object("1.2.7", 1))
		if id != 8 { // the fixture has used ids up to 7
			t.Errorf("id %d, want 8", id)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path+".schema-2?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var version, objects int
	if err := db.QueryRowContext(t.Context(), "SELECT user_version, (SELECT count(*) FROM object) FROM pragma_user_version").Scan(&version, &objects); err != nil || version != 2 || objects != 2 {
		t.Errorf("copy beside: schema %d, %d objects, %v", version, objects, err)
	}
	private(t, path, path+".schema-2", path+".changes")
}

// Rows of a schema without CRC-32C remain valid, with their row checksums: a changed value is
// still found. What a rebuild takes from such an index is not less.
func TestSchemaWithoutCRC(t *testing.T) {
	script, err := os.ReadFile("testdata/schema-5.sql")
	if err != nil {
		t.Fatal(err)
	}
	dir := durabletest.Dir(t)
	path := filepath.Join(dir, index.FileName)
	execute(t, path, string(script))
	old, err := index.BeginRebuild(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := index.Salvage(t.Context(), old)
	if len(s.Objects) != 2 || s.Objects[0].SHA256 != "aa" || s.Objects[0].CRC32C != "" || len(s.Tombstones) != 1 {
		t.Errorf("salvaged %+v", s)
	}
	execute(t, path, string(script))
	x := open(t, dir)
	err = x.Update(t.Context(), func(tx index.Tx) error {
		o, err := tx.Object(1)
		if err == nil {
			o.CRC32C = "0a1b2c3d"
			err = tx.Set(o)
		}
		return err
	})
	if err := errors.Join(err, x.Close()); err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{"UPDATE object SET crc32c = '0a1b2c3e' WHERE id = 1", "UPDATE object SET crc32c = '' WHERE id = 1", "UPDATE object SET body_part = 'FOOT' WHERE id = 2"} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		execute(t, path, change)
		if x, err := index.Open(t.Context(), dir, free); !errors.Is(err, index.ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", change, err)
			if err == nil {
				x.Close()
			}
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// private checks that only the owner can read the files.
func private(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", filepath.Base(path), info, err)
		}
	}
}

// A snapshot is complete, private and never overwrites another.
func TestSnapshot(t *testing.T) {
	dir := made(t, 3)
	x := open(t, dir)
	defer x.Close()
	private(t, filepath.Join(dir, index.FileName))
	to := durabletest.Dir(t)
	if err := x.Snapshot(t.Context(), filepath.Join(to, index.FileName)); err != nil {
		t.Fatal(err)
	}
	private(t, filepath.Join(to, index.FileName))
	if err := x.Snapshot(context.Background(), filepath.Join(to, index.FileName)); !errors.Is(err, os.ErrExist) {
		t.Errorf("over another: %v, want ErrExist", err)
	}
	y := open(t, to)
	defer y.Close()
	err := y.View(t.Context(), func(tx index.Tx) error {
		n, err := tx.Count()
		if n != 3 {
			t.Errorf("%d objects, want 3", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// SQLite's write-ahead log is truncated after a long read ends.
func TestLogIsCut(t *testing.T) {
	dir := durabletest.Dir(t)
	x := open(t, dir)
	defer x.Close()
	log := filepath.Join(dir, index.FileName+"-wal")
	n := 0
	fill := func(values int) {
		for range values {
			n++
			if err := x.Update(t.Context(), func(tx index.Tx) error { return tx.SetValue(fmt.Sprint(n), strings.Repeat("v", 1<<20)) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	size := func() int64 {
		info, err := os.Stat(log)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	fill(1)
	err := x.View(t.Context(), func(tx index.Tx) error {
		if _, err := tx.Count(); err != nil {
			return err
		}
		fill(20)
		if s := size(); s <= index.LogLimit {
			t.Fatalf("the log has %d bytes beside a long read: the test shows nothing", s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	fill(6)
	if s := size(); s > index.LogLimit {
		t.Errorf("the log has %d bytes, want at most %d", s, index.LogLimit)
	}
}

// The name of the folder may contain characters that are special in URLs.
func TestFolderNames(t *testing.T) {
	dir := filepath.Join(durabletest.Dir(t), "a b", "c?d#e%20f")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	x := open(t, dir)
	defer x.Close()
	if _, err := os.Stat(filepath.Join(dir, index.FileName)); err != nil || !strings.HasSuffix(dir, "c?d#e%20f") {
		t.Error(err)
	}
}
