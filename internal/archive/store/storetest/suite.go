// Package storetest is a test suite for implementations of store.Store.
package storetest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"sync"
	"testing"

	"dicomnode/internal/archive/store"
)

// Run runs the suite on empty stores made by open.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, store.Store)
	}{{"keep", keep}, {"discard", discard}, {"patch", patch}, {"begin", begin}, {"list", list}, {"aside", aside}, {"names", names}, {"at once", atOnce}} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

// Keep stores content durably and returns its name.
func Keep(t testing.TB, s store.Store, content string) string {
	t.Helper()
	name := keepOnly(t, s, content)
	if err := s.Sync(name); err != nil {
		t.Fatal(err)
	}
	return name
}

// keepOnly stores content that is not durable yet.
func keepOnly(t testing.TB, s store.Store, content string) string {
	t.Helper()
	d, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(d, content); err != nil {
		t.Fatal(err)
	}
	if err := d.Sync(); err != nil {
		t.Fatal(err)
	}
	name, err := d.Keep()
	if err != nil {
		t.Fatal(err)
	}
	d.Discard() // keeps the kept file
	return name
}

// Content reads a kept file.
func Content(t testing.TB, s store.Store, name string) string {
	t.Helper()
	f, err := s.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil || int64(len(b)) != f.Size() {
		t.Fatalf("%d bytes of %d, %v", len(b), f.Size(), err)
	}
	return string(b)
}

func gone(t *testing.T, s store.Store, name string) {
	t.Helper()
	if _, err := s.Open(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open what is gone: %v, want fs.ErrNotExist", err)
	}
	if there, err := store.Exists(s, name); there || err != nil {
		t.Errorf("exists: %t, %v", there, err)
	}
}

func keep(t *testing.T, s store.Store) {
	name := Keep(t, s, "hello")
	if got := Content(t, s, name); got != "hello" {
		t.Errorf("content %q", got)
	}
	f, err := s.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := make([]byte, 2)
	if _, err := f.ReadAt(p, 3); err != nil || string(p) != "lo" {
		t.Errorf("read %q at 3, %v", p, err)
	}
	if at, err := f.Seek(-1, io.SeekEnd); at != 4 || err != nil {
		t.Errorf("seek to %d, %v", at, err)
	}
	if other := Keep(t, s, "hello"); other == name {
		t.Error("two files with one name")
	}
	anew, err := s.Secure(name)
	if err != nil || anew == name || Content(t, s, anew) != "hello" {
		t.Fatalf("secure: %v, name %q after %q", err, anew, name)
	}
	gone(t, s, name)
	name = anew
	if err := s.Remove(name, name); err != nil {
		t.Errorf("remove twice: %v", err)
	}
	gone(t, s, name)
	if _, err := s.Secure(name); err == nil || s.Sync(name) == nil {
		t.Error("what is gone was made durable")
	}
	if free, err := s.Free(); free <= 0 || err != nil {
		t.Errorf("%d bytes free, %v", free, err)
	}
}

func discard(t *testing.T, s store.Store) {
	d, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	d.Discard()
	d.Discard()
	if _, err := d.Keep(); err == nil {
		t.Error("a discarded draft was kept")
	}
	if all := All(t, s); len(all) != 0 {
		t.Errorf("files %v, want none", all)
	}
}

func patch(t *testing.T, s store.Store) {
	d, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Discard()
	if _, err := d.Write(bytes.Repeat([]byte("-"), 5<<20)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.WriteAt([]byte("ab"), 1); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 4)
	if _, err := d.ReadAt(p, 0); err != nil || string(p) != "-ab-" {
		t.Errorf("read %q, %v", p, err)
	}
	if d.Size() != 5<<20 || d.Err() != nil {
		t.Errorf("%d bytes, %v", d.Size(), d.Err())
	}
	name, err := d.Keep()
	if err != nil {
		t.Fatal(err)
	}
	if got := Content(t, s, name); len(got) != 5<<20 || got[:4] != "-ab-" {
		t.Errorf("%d bytes, %q…", len(got), got[:4])
	}
}

// begin writes more after Begin, and makes bytes and name durable in parallel.
func begin(t *testing.T, s store.Store) {
	d, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Discard()
	for _, part := range []string{"hello", " world"} {
		if _, err := io.WriteString(d, part); err != nil {
			t.Fatal(err)
		}
		d.Begin()
	}
	if _, err := d.WriteAt([]byte("J"), 0); err != nil {
		t.Fatal(err)
	}
	d.Begin()
	name, err := d.Keep()
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error)
	go func() { errs <- d.Sync() }()
	go func() { errs <- s.Sync(name) }()
	if err := errors.Join(<-errs, <-errs, d.Sync()); err != nil {
		t.Error(err)
	}
	if _, err := io.WriteString(d, "x"); err == nil {
		t.Error("a kept file was written")
	}
	if _, err := d.Keep(); err == nil {
		t.Error("a file was kept twice")
	}
	if got := Content(t, s, name); got != "Jello world" {
		t.Errorf("content %q", got)
	}
}

// All lists the kept files.
func All(t testing.TB, s store.Store) (all []string) {
	t.Helper()
	if err := s.List(func(names []string) error { all = append(all, names...); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func list(t *testing.T, s store.Store) {
	want := map[string]bool{}
	for range 200 {
		want[keepOnly(t, s, "x")] = true
	}
	all := All(t, s)
	for _, name := range all {
		if !want[name] {
			t.Errorf("file %s was never kept", name)
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d files, want %d", len(all), len(want))
	}
	broken, calls := errors.New("enough"), 0
	if err := s.List(func([]string) error { calls++; return broken }); !errors.Is(err, broken) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func aside(t *testing.T, s store.Store) {
	name := Keep(t, s, "x")
	to, err := s.SetAside(name)
	if err != nil || to == name {
		t.Errorf("set aside to %q, %v", to, err)
	}
	gone(t, s, name)
	if all := All(t, s); len(all) != 0 {
		t.Errorf("files %v, want none", all)
	}
	if _, err := s.SetAside(name); err == nil {
		t.Error("set aside what is gone")
	}
}

// names from a damaged index must not point outside the store.
func names(t *testing.T, s store.Store) {
	for _, name := range []string{"../../etc/passwd", "/etc/passwd", ""} {
		if _, err := s.Open(name); err == nil {
			t.Errorf("opened %q", name)
		}
	}
}

func atOnce(t *testing.T, s store.Store) {
	var wg sync.WaitGroup
	kept := make([]string, 50)
	for i := range kept {
		wg.Go(func() { kept[i] = Keep(t, s, string(rune('a'+i))) })
	}
	wg.Wait()
	for i, name := range kept {
		if got := Content(t, s, name); got != string(rune('a'+i)) {
			t.Errorf("file %d holds %q", i, got)
		}
	}
	slices.Sort(kept)
	if len(slices.Compact(kept)) != 50 {
		t.Error("two files with one name")
	}
}
