package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
)

// TestDiskFull fills a small file system. If the user may not mount one the test is skipped;
// TestReceiveNeedsFreeSpace runs everywhere.
func TestDiskFull(t *testing.T) {
	dir := durabletest.Dir(t)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	a := open(t, options(dir))
	stored, refused := map[string][]byte{}, 0
	for i := range 40 {
		uid := fmt.Sprintf("1.2.%d", i+1)
		data := dataset(dxClass, uid, 600_000-i*10_000, byte(i))
		_, err := a.Receive(t.Context(), incoming(uid, archive.Segment), bytes.NewReader(data))
		switch {
		case err == nil:
			stored[uid] = data
		case errors.Is(err, archive.ErrNoSpace):
			refused++
		default:
			t.Errorf("object %d: error %v, want ErrNoSpace", i, err)
		}
	}
	if refused == 0 || len(stored) == 0 {
		t.Fatalf("%d stored, %d refused: want some of each", len(stored), refused)
	}
	if n := len(objectFiles(t, dir)); n != len(stored) {
		t.Errorf("%d files, want %d", n, len(stored))
	}
	for uid, data := range stored {
		if o, err := a.Find(t.Context(), uid); err != nil || !bytes.Equal(contents(t, o), data) {
			t.Errorf("object stored before the disk was full: %v", err)
		}
	}
	// When there is free space again, the service continues without intervention.
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=32m"); err != nil {
		t.Fatal(err)
	}
	receive(t, a, "1.3", archive.Segment)
	if n := len(queue(t, a)); n != len(stored)+1 {
		t.Errorf("%d jobs, want %d", n, len(stored)+1)
	}
}

// TestEraseOnFullDisk: an erasure that the list of erased objects has no room for fails, leaves
// the list as it was, and can be done when there is room.
func TestEraseOnFullDisk(t *testing.T) {
	dir := durabletest.Dir(t)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	a := open(t, options(dir))
	var ids []int64
	for i := range 60 {
		ids = append(ids, receive(t, a, fmt.Sprintf("1.2.7.%d", i), archive.Keep).ID)
	}
	if _, err := a.Erase(t.Context(), ids[0]); err != nil {
		t.Fatal(err)
	}
	list, filler := filepath.Join(dir, "erased"), filepath.Join(dir, "filler")
	before, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filler)
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	f.Close()
	if n, err := a.Erase(t.Context(), ids[1:]...); err == nil {
		t.Errorf("erased %d on a full disk", n)
	}
	if after, err := os.ReadFile(list); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the list is now %q, %v", after, err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	closed(t, a)
	a = open(t, options(dir))
	if n, err := a.Erase(t.Context(), ids[1:]...); n != len(ids)-1 || err != nil {
		t.Errorf("erased %d, %v", n, err)
	}
}
