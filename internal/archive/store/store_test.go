package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/internal/archive/store"
	"dicomnode/internal/archive/store/storetest"
	"dicomnode/internal/durable/durabletest"
)

func open(t *testing.T, dir string) *store.Disk {
	t.Helper()
	d, err := store.OpenDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDisk(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, durabletest.Dir(t)) })
}

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return store.NewMemory() })
}

// Files that arrive between two syncs share a subfolder; over time all subfolders fill evenly.
func TestFolders(t *testing.T) {
	s := open(t, durabletest.Dir(t))
	count := map[string]int{}
	for range 2 * 256 {
		var names []string
		for range 3 {
			d, err := s.Create()
			if err != nil {
				t.Fatal(err)
			}
			name, err := d.Keep()
			if err != nil {
				t.Fatal(err)
			}
			d.Discard()
			count[filepath.Dir(name)]++
			names = append(names, name)
		}
		if filepath.Dir(names[0]) != filepath.Dir(names[2]) {
			t.Errorf("what arrived together is in %q", names)
		}
		if err := s.Sync(names...); err != nil {
			t.Fatal(err)
		}
	}
	for folder, n := range count {
		if n != 6 {
			t.Errorf("%d files in %s, want 6", n, folder)
		}
	}
	if len(count) != 256 {
		t.Errorf("%d folders", len(count))
	}
}

// What a failed sync of a folder was to make durable stays uncertain, and new files go to other
// folders, until none is left.
func TestFailedSync(t *testing.T) {
	s := open(t, durabletest.Dir(t))
	keep := func() string {
		t.Helper()
		d, err := s.Create()
		if err != nil {
			t.Fatal(err)
		}
		defer d.Discard()
		name, err := d.Keep()
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	var broken error
	s.FailSyncs(func() error { return broken })
	before := keep()
	if err := s.Sync(before); err != nil {
		t.Fatal(err)
	}
	name, beside := keep(), keep()
	broken = errors.New("broken")
	if err := s.Sync(name); !errors.Is(err, broken) || !errors.Is(err, store.ErrUntrusted) {
		t.Errorf("sync: %v, want %v", err, broken)
	}
	broken = nil
	for _, name := range []string{name, beside} {
		if err := s.Sync(name); !errors.Is(err, store.ErrUntrusted) {
			t.Errorf("sync after the failure: %v, want %v", err, store.ErrUntrusted)
		}
	}
	for range 300 { // through all folders
		name := keep()
		if filepath.Dir(name) == filepath.Dir(beside) {
			t.Fatal("a file went to the folder whose sync failed")
		}
		if err := errors.Join(s.Sync(name), s.Err()); err != nil {
			t.Fatal(err)
		}
	}
	broken = errors.New("broken")
	for n := 0; s.Err() == nil; n++ {
		if n > 300 {
			t.Fatal("all syncs fail, and the store wants more")
		}
		_ = s.Sync(keep())
	}
	d, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Discard()
	if _, err := d.Keep(); !errors.Is(err, store.ErrUntrusted) || !errors.Is(s.Err(), store.ErrUntrusted) {
		t.Errorf("keep: %v, want %v", err, store.ErrUntrusted)
	}
}

// Sweep removes the drafts of an earlier process and keeps other files.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.Create(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "incoming", "notes.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if discarded, aside, err := s.Sweep(); discarded != 1 || aside != 1 || err != nil {
		t.Errorf("discarded %d, set aside %d, %v", discarded, aside, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "lost+found", "notes.txt")); err != nil || string(b) != "mine" {
		t.Errorf("%q, %v", b, err)
	}
}

// Files get the mode of the folder, independent of the umask.
func TestMode(t *testing.T) {
	dir := t.TempDir()
	for mode, want := range map[os.FileMode]os.FileMode{0o700: 0o600, 0o750: 0o640} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		name := storetest.Keep(t, open(t, dir), "x")
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("folder %v: file %v, %v; want %v", mode, info.Mode(), err, want)
		}
	}
}

// Errors of the disk do not contain paths.
func TestErrors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "archive")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(); !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), dir) {
		t.Errorf("create: %v", err)
	}
}
