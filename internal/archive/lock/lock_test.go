//go:build linux

package lock_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"dicomnode/internal/archive/lock"
)

// TestReleased: a directory is free after Release and after Held, even while a child that
// is being started has copies of the descriptors.
func TestReleased(t *testing.T) {
	dir := t.TempDir()
	l, err := lock.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if held, err := lock.Held(dir); err != nil || !held {
		t.Fatal(held, err)
	}
	copied(t, filepath.Join(dir, "lock"))
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if held, err := lock.Held(dir); err != nil || held {
		t.Fatal(held, err)
	}
	l, err = lock.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
}

// copied duplicates the descriptors of a file that this process has open.
func copied(t *testing.T, path string) {
	t.Helper()
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	copies := 0
	for _, d := range descriptors {
		at, err := os.Readlink("/proc/self/fd/" + d.Name())
		if err != nil || at != path {
			continue // ReadDir's own is closed by now
		}
		var fd int
		if _, err := fmt.Sscan(d.Name(), &fd); err != nil {
			t.Fatal(err)
		}
		c, err := unix.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(c) })
		copies++
	}
	if copies == 0 {
		t.Fatal("the lock file is not open")
	}
}
