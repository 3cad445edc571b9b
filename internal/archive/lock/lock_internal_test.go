package lock

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Who asks whether a folder has an owner does not keep another from becoming it; an owner does.
func TestLockWhileAsked(t *testing.T) {
	dir := t.TempDir()
	asking, err := os.Create(filepath.Join(dir, lockName))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(asking.Fd()), unix.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	before, pauses := pause, 0
	t.Cleanup(func() { pause = before })
	pause = func() {
		if pauses++; pauses == 3 {
			if err := unlock(asking); err != nil {
				t.Error(err)
			}
		}
	}
	l, err := Dir(dir)
	if err != nil || pauses != 3 {
		t.Fatalf("%v after %d pauses", err, pauses)
	}
	if _, err := Dir(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("a second owner: %v, want %v", err, ErrInUse)
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
}
