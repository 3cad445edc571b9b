package simulate_test

import (
	"os"
	"path/filepath"
	"testing"

	"dicomnode/trainer/simulate"
)

// wholeBody is the shared anatomy, where it is there.
func wholeBody(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SHARED_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	npz := filepath.Join(dir, "anatomy", "bp3d_body.npz")
	if _, err := os.Stat(npz); err != nil {
		if os.Getenv("REQUIRE_SHARED") == "1" {
			t.Fatal(err)
		}
		t.Skip("no shared anatomy")
	}
	return npz
}

func TestWholeBody(t *testing.T) {
	npz := wholeBody(t)
	out := run(t, simulate.Options{Anatomy: load(t, npz), Count: 4, Seed: 1, Size: 64})
	if labels, _ := filepath.Glob(filepath.Join(out, "labels", "*.png")); len(labels) != 4 {
		t.Errorf("%d labels, want 4", len(labels))
	}
}

func TestLoadBodyRefusesOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npz")
	if err := os.WriteFile(path, []byte("PK\x03\x04 not a zip"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := simulate.LoadBody(path); err == nil {
		t.Error("accepted")
	}
}
