package codec

import (
	"bytes"
	"errors"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// No process, not even an unconfined worker, can change the size of the shared memory. Returned
// pages use no memory and read as zeros.
func TestShared(t *testing.T) {
	f, err := newShared()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int64{0, sharedSize - 1, sharedSize + 1} {
		if err := f.Truncate(size); !errors.Is(err, unix.EPERM) {
			t.Errorf("cut to %d bytes: %v", size, err)
		}
	}
	if _, err := f.WriteAt([]byte("x"), sharedSize); err == nil {
		t.Error("it grew")
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE); !errors.Is(err, unix.EPERM) {
		t.Errorf("a further seal: %v", err)
	}
	taken := func() int64 {
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Blocks * 512
	}
	samples := bytes.Repeat([]byte{7}, 1<<20)
	if _, err := f.WriteAt(samples, samplesAt); err != nil {
		t.Fatal(err)
	}
	before := taken()
	if err := giveBack(f, samplesAt, int64(len(samples)-5)); err != nil {
		t.Fatal(err)
	}
	if after := taken(); before < 1<<20 || after > 1<<13 {
		t.Errorf("%d bytes taken, %d when they were given back", before, after)
	}
	rest := make([]byte, len(samples))
	if _, err := f.ReadAt(rest, samplesAt); err != nil || !bytes.Equal(rest[:len(rest)-5], make([]byte, len(rest)-5)) {
		t.Errorf("not zeros: %v", err)
	}
}
