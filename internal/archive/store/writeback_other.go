//go:build unix && !linux

package store

import "os"

// startWriteback does nothing on systems without such a hint.
func startWriteback(*os.File, int64, int64) {}
