package codec

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// newShared creates the shared memory.
func newShared() (*os.File, error) {
	const name, flags = "codec", unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err != nil {
		return nil, fmt.Errorf("make the memory of a codec worker: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err = f.Truncate(sharedSize); err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("seal the memory of a codec worker: %w", err), f.Close())
	}
	return f, nil
}

// mapShared maps the memory in a worker and closes its descriptor.
func mapShared() ([]byte, error) {
	b, err := unix.Mmap(sharedDescriptor, 0, sharedSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the memory of a codec worker: %w", err)
	}
	return b, unix.Close(sharedDescriptor)
}

// giveBack returns pages of the shared memory to the system; they read as zeros afterwards.
func giveBack(f *os.File, at, length int64) error {
	if length == 0 {
		return nil
	}
	return unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, length)
}
