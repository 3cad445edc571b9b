//go:build unix

// Package lock makes a process the only owner of a folder and reports how the previous owner
// ended.
package lock

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"dicomnode/internal/durable"
)

// Lock is the exclusive ownership of a directory. The kernel releases it when the process ends
// for any reason. Files that the process leaves in the directory show the next owner how it
// ended.
type Lock struct {
	f       *os.File
	crash   *os.File
	Crashed bool // the last owner crashed, or the kernel killed it for lack of memory
}

// Errors that callers branch on.
var (
	ErrInUse = errors.New("data directory is in use by another process")
	ErrGone  = errors.New("the data directory was removed or replaced while in use")
)

// Names in the directory. The Go runtime writes the report of a crash to crashName. The report
// may contain patient data, so the file is private and never shown.
const (
	lockName  = "lock"
	crashName = "crash"
)

// Dir makes this process the owner of a folder. It returns ErrInUse if another one is.
func Dir(dir string) (*Lock, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	l := &Lock{f: f}
	if err := flock(f); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", dir, ErrInUse)
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err := errors.Join(durable.Own(f), l.inquire(dir)); err != nil {
		return nil, errors.Join(err, unlock(f))
	}
	return l, nil
}

// flock locks f. For a moment another process may have it that only asks; see [Held].
func flock(f *os.File) (err error) {
	for range 10 {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
		pause()
	}
	return err
}

var pause = func() { time.Sleep(10 * time.Millisecond) } // replaced in tests

// inquire finds out how the last owner ended, and prepares the files for the next.
func (l *Lock) inquire(dir string) (err error) {
	before := make([]byte, 256)
	n, _ := l.f.ReadAt(before, 0)
	now := memoryKills()
	l.Crashed = n > 0 && len(now) > 0 && killedSince(before[:n], now)
	l.crash, err = os.OpenFile(filepath.Join(dir, crashName), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := l.crash.Stat()
	if err == nil {
		l.Crashed = l.Crashed || info.Size() > 0
		err = errors.Join(durable.Own(l.crash), l.crash.Truncate(0))
	}
	if err == nil {
		err = debug.SetCrashOutput(l.crash, debug.CrashOptions{})
	}
	if err == nil {
		err = errors.Join(l.f.Truncate(0), write(l.f, now))
	}
	return err
}

func write(f *os.File, b []byte) error {
	_, err := f.WriteAt(b, 0)
	return err
}

// killedSince reports whether the kernel has killed a process for lack of memory between two
// results of memoryKills since the same boot.
func killedSince(before, now []byte) bool {
	boot, count, _ := bytes.Cut(bytes.TrimSpace(before), []byte(" "))
	bootNow, countNow, _ := bytes.Cut(now, []byte(" "))
	return bytes.Equal(boot, bootNow) && !bytes.Equal(count, countNow)
}

// memoryKills returns the boot id of the machine and the number of processes that the kernel
// has killed for lack of memory; nil if the system does not report them.
func memoryKills() []byte {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil
	}
	stat, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(stat) {
		if count, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("oom_kill ")); ok {
			return append(append(bytes.TrimSpace(boot), ' '), count...)
		}
	}
	return nil
}

// Check returns ErrGone if the lock file was removed or replaced.
func (l *Lock) Check() error {
	at, err := os.Stat(l.f.Name())
	if errors.Is(err, os.ErrNotExist) {
		return ErrGone
	}
	if err != nil {
		return nil // perhaps temporary: if not, other operations fail too
	}
	ours, err := l.f.Stat()
	if err == nil && !os.SameFile(at, ours) {
		return ErrGone
	}
	return nil
}

// Release releases the directory and marks the end of this process as regular.
func (l *Lock) Release() error {
	err := debug.SetCrashOutput(nil, debug.CrashOptions{})
	if l.crash != nil {
		err = errors.Join(err, l.crash.Close())
	}
	return errors.Join(err, l.f.Truncate(0), unlock(l.f))
}

// unlock unlocks and closes f. Closing alone does not release the lock while a child that
// is being started has a copy of the descriptor, until it executes its program.
func unlock(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}

// Held reports whether a process owns the data directory.
func Held(dir string) (bool, error) {
	f, err := os.Open(filepath.Join(dir, lockName))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, f.Close()
	}
	return false, errors.Join(err, unlock(f))
}
