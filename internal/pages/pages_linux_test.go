package pages_test

import (
	"bytes"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"dicomnode/internal/pages"
)

// Whole pages are given back, and nothing beside the slice is touched.
func TestRelease(t *testing.T) {
	const size = 1 << 20
	for _, cut := range []struct{ from, to int }{{0, size}, {1, size - 1}, {100, 5000}, {8192, 16384}, {7, 7}} {
		all := bytes.Repeat([]byte{0xA5}, size)
		part := all[cut.from:cut.to]
		pages.Release(part)
		kept := bytes.Count(part, []byte{0xA5})
		if most := 2 * unix.Getpagesize(); kept > most {
			t.Errorf("%v: %d bytes are left, at most %d are not in whole pages", cut, kept, most)
		}
		if outside := bytes.Count(all, []byte{0xA5}) - kept; outside != size-len(part) {
			t.Errorf("%v: %d bytes outside are left of %d", cut, outside, size-len(part))
		}
		for i := range all { // it can be written again
			all[i] = 1
		}
		runtime.GC()
		if n := bytes.Count(all, []byte{1}); n != size {
			t.Errorf("%v: %d bytes of %d are kept", cut, n, size)
		}
	}
}
