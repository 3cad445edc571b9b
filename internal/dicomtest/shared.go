// Package dicomtest makes DICOM images for tests: synthetic radiographs in the
// uncompressed transfer syntaxes and RLE (PS3.5 A.1, A.2, A.5, G), and the way to the
// shared real ones. It holds no patient and is imported by tests only.
package dicomtest

import (
	"os"
	"path/filepath"
	"testing"
)

// Shared returns the path of a file or folder of the shared test data, below
// $SHARED_DATA or ../shared/data beside the repository. Where it is absent the test is
// skipped, or fails when REQUIRE_SHARED=1.
func Shared(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("SHARED_DATA")
	if root == "" {
		root = beside(t)
	}
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil || root == "" {
		if os.Getenv("REQUIRE_SHARED") == "1" {
			t.Fatalf("shared data %v: not found", elem)
		}
		t.Skipf("shared data %v: not found", elem)
	}
	return path
}

// beside finds ../shared/data relative to the folder that holds go.mod.
func beside(t testing.TB) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared", "data")
		}
	}
	return ""
}
