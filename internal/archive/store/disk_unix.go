//go:build unix

package store

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// freeBytes returns the number of bytes that an unprivileged process may still write below dir.
func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("measure free space: %w", err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// full wraps an error that means "disk full" in ErrFull.
func full(err error) error {
	if (errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)) && !errors.Is(err, ErrFull) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
