package body_test

import (
	"os"
	"path/filepath"
	"testing"

	"dicomnode/trainer/simulate/body"
)

func TestLoadBodyRefusesOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npz")
	if err := os.WriteFile(path, []byte("PK\x03\x04 not a zip"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := body.Load(path); err == nil {
		t.Error("accepted")
	}
}
