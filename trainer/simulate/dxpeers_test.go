package simulate_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/trainer/simulate"
)

// dciodvfy fails the test on any error or warning about a DX For Processing file.
func dciodvfy(t *testing.T, files ...string) {
	t.Helper()
	program, err := exec.LookPath("dciodvfy")
	if err != nil {
		if os.Getenv("REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if len(files) == 0 {
		t.Fatal("no files")
	}
	for _, file := range files {
		out, err := exec.Command(program, file).CombinedOutput()
		said := string(out)
		if err != nil || !strings.Contains(said, "DXImageForProcessing") || strings.Contains(said, "Error") || strings.Contains(said, "Warning") {
			t.Errorf("dciodvfy about %s: %v\n%s", filepath.Base(file), err, said)
		}
	}
}

func TestDXFilesAreValid(t *testing.T) {
	images, darks, err := simulate.RunDX(t.Context(), simulate.DXOptions{Out: t.TempDir(), Seed: 1, Count: 12, Darks: 2, Rows: 80, Columns: 64})
	if err != nil {
		t.Fatal(err)
	}
	dciodvfy(t, append(images, darks...)...)
}

func TestDXFilesOfWholeBodyAreValid(t *testing.T) {
	images, _, err := simulate.RunDX(t.Context(), simulate.DXOptions{Anatomy: load(t, wholeBody(t)), Out: t.TempDir(), Seed: 1, Count: 6, Rows: 80, Columns: 64})
	if err != nil {
		t.Fatal(err)
	}
	dciodvfy(t, images...)
}
