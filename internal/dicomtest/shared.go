// Package dicomtest makes DICOM images for tests: synthetic radiographs in the
// uncompressed transfer syntaxes and RLE (PS3.5 A.1, A.2, A.5, G), and the way to the
// shared real ones. It holds no patient and is imported by tests only.
package dicomtest

import (
	"fmt"
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

// beside is ../shared/data beside the repository.
func beside(t testing.TB) string {
	root, err := Repository()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(filepath.Dir(root), "shared", "data")
}

// Repository is the folder that holds go.mod, above the one where a test runs.
func Repository() (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := here; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no go.mod above %s", here)
}
