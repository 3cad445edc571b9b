//go:build unix

package scp

import "golang.org/x/sys/unix"

// descriptors returns how many files and connections the process may have open; 0 if unknown.
func descriptors() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return uint64(limit.Cur)
}
