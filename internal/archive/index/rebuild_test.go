package index_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/durable/durabletest"
)

const oldName = index.FileName + ".lost-1"

// However far a rebuild came before it was interrupted, the next one finds the database from
// before, with its log.
func TestBeginRebuildAgain(t *testing.T) {
	was := map[string]string{"": "old", "-wal": "old log"}
	for name, c := range map[string]struct {
		before map[string]string
		began  bool
		back   []string          // what was not moved yet
		since  map[string]string // what was created since
	}{
		"first":                {before: was},
		"marked":               {before: was, began: true, back: []string{"", "-wal"}},
		"the log is moved":     {before: was, began: true, back: []string{""}},
		"moved":                {before: was, began: true},
		"a new one is there":   {before: was, began: true, since: map[string]string{"": "new", "-wal": "new log"}},
		"none before":          {},
		"none before, and now": {began: true, since: map[string]string{"": "new"}},
		"only a log before":    {before: map[string]string{"-wal": "old log"}, began: true, since: map[string]string{"": "new"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := durabletest.Dir(t)
			write(t, dir, c.before)
			if c.began {
				beginRebuild(t, dir)
			}
			for _, suffix := range c.back {
				if err := os.Rename(filepath.Join(dir, oldName+suffix), filepath.Join(dir, index.FileName+suffix)); err != nil {
					t.Fatal(err)
				}
			}
			write(t, dir, c.since)
			want := ""
			if c.before[""] != "" {
				want = filepath.Join(dir, oldName)
			}
			if old := beginRebuild(t, dir); old != want {
				t.Errorf("old index %q, want %q", old, want)
			}
			for suffix, content := range c.before {
				if b, err := os.ReadFile(filepath.Join(dir, oldName+suffix)); string(b) != content {
					t.Errorf("%s contains %q, %v", oldName+suffix, b, err)
				}
			}
			if err := errors.Join(index.EndRebuild(dir), index.CheckRebuilt(dir)); err != nil {
				t.Errorf("ended: %v", err)
			}
		})
	}
}

// beginRebuild begins a rebuild, after which no database may be left.
func beginRebuild(t *testing.T, dir string) (old string) {
	t.Helper()
	old, err := index.BeginRebuild(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := index.CheckRebuilt(dir); !errors.Is(err, index.ErrRebuilding) {
		t.Errorf("begun: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, index.FileName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a database is left: %v", err)
	}
	return old
}

// write writes the files of a database, given by their suffixes.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for suffix, content := range files {
		if err := os.WriteFile(filepath.Join(dir, index.FileName+suffix), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
