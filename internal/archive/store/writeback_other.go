//go:build unix && !linux

package store

import "os"

// startWriteback does nothing where the kernel takes no such hint.
func startWriteback(*os.File, int64, int64) {}
