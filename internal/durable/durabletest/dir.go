// Package durabletest gives tests of durable things a folder.
package durabletest

import (
	"os"
	"testing"
)

// Dir is a folder for a test, in memory where the machine has such a place: a test
// whose processes end, but whose machine does not, needs no disk, and syncing one
// is what most of its time would go to.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "dicomnode-test-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
