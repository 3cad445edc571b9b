package simulate_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/trainer/simulate"
	"dicomnode/trainer/simulate/ct/cttest"
)

// dciodvfy fails the test on any error or warning about files of an IOD.
func dciodvfy(t *testing.T, iod string, files ...string) {
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
		if err != nil || !strings.Contains(said, iod) || strings.Contains(said, "Error") || strings.Contains(said, "Warning") {
			t.Errorf("dciodvfy about %s: %v\n%s", filepath.Base(file), err, said)
		}
	}
}

func TestDXFilesAreValid(t *testing.T) {
	images, darks, err := simulate.RunDX(t.Context(), simulate.DXOptions{Out: t.TempDir(), Seed: 1, Count: 12, Darks: 2, Rows: 80, Columns: 64})
	if err != nil {
		t.Fatal(err)
	}
	dciodvfy(t, "DXImageForProcessing", append(images, darks...)...)
}

func TestDXFilesOfWholeBodyAreValid(t *testing.T) {
	images, _, err := simulate.RunDX(t.Context(), simulate.DXOptions{Anatomy: wholeBody(t), Out: t.TempDir(), Seed: 1, Count: 6, Rows: 80, Columns: 64})
	if err != nil {
		t.Fatal(err)
	}
	dciodvfy(t, "DXImageForProcessing", images...)
}

func TestDXFilesOfCTsAreValid(t *testing.T) {
	a := load(t, cttest.Synthetic(t, "chest.nii.gz"), cttest.Synthetic(t, "knee.nii"))
	images, _, err := simulate.RunDX(t.Context(), simulate.DXOptions{Anatomy: a, Out: t.TempDir(), Seed: 1, Count: 6, Rows: 80, Columns: 64})
	if err != nil {
		t.Fatal(err)
	}
	dciodvfy(t, "DXImageForProcessing", images...)
}

func TestPresentationFilesAreValid(t *testing.T) {
	a := load(t, cttest.Synthetic(t, "chest.nii.gz"), cttest.Synthetic(t, "knee.nii"))
	out := run(t, simulate.Options{Anatomy: a, Count: 24, Seed: 3, Size: 71, Presentation: true})
	files, err := filepath.Glob(filepath.Join(out, "dicom", "*.dcm"))
	if err != nil || len(files) != 24 {
		t.Fatalf("%d files, %v; want 24", len(files), err)
	}
	dciodvfy(t, "DXImageForPresentation", files...)
}
