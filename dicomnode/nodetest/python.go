package nodetest

import (
	"os"
	"testing"
)

// Python names a Python with pydicom and highdicom, which the environment variable
// HIGHDICOM_PYTHON does, or skips the test; REQUIRE_PEERS=1 makes its absence a failure.
func Python(t *testing.T) string {
	t.Helper()
	python := os.Getenv("HIGHDICOM_PYTHON")
	if python == "" && os.Getenv("REQUIRE_PEERS") == "1" {
		t.Fatal("HIGHDICOM_PYTHON is not set")
	}
	if python == "" {
		t.Skip("HIGHDICOM_PYTHON is not set")
	}
	return python
}
