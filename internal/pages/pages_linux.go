package pages

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Release gives the whole pages of b back to the system. Their bytes are zeros afterwards (or
// unchanged, where the system does not do it). The collector would free a large slice only
// after its next run, and would keep the memory for later.
func Release(b []byte) {
	size := os.Getpagesize()
	if len(b) < 2*size {
		return
	}
	lead := -int(uintptr(unsafe.Pointer(&b[0]))) & (size - 1)
	whole := b[lead:]
	whole = whole[:len(whole)&^(size-1)]
	_ = unix.Madvise(whole, unix.MADV_DONTNEED) // memory of the process's own, zeros on demand: madvise(2)
}
