package deidentify_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/profile"
	"dicomnode/trainer/simulate"
)

// faults returns the errors that dciodvfy reports of a file, without their places.
func faults(t *testing.T, path string) map[string]bool {
	t.Helper()
	out, _ := exec.Command("dciodvfy", "-new", path).CombinedOutput() // it fails if it finds errors
	found := map[string]bool{}
	for line := range strings.SplitSeq(string(out), "\n") {
		if strings.HasPrefix(line, "Error") {
			found[regexp.MustCompile(`\[\d+\]`).ReplaceAllString(line, "")] = true
		}
	}
	return found
}

// A de-identified object has no errors that the original does not have.
func TestNoNewFaults(t *testing.T) {
	if _, err := exec.LookPath("dciodvfy"); err != nil {
		if os.Getenv("REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	sim := t.TempDir()
	if err := simulate.Run(context.Background(), simulate.Options{Count: 1, Seed: 3, Size: 128, Out: sim, Presentation: true}, nil); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(sim, "dicom", "*.dcm"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	for _, name := range []string{"RG3_UNC.dcm", "RG3_J2KR.dcm", "highdicom_DX_dog_thorax_ELE.dcm", "canon_966_fixed.dcm", "kodak_hand_J2KR.dcm"} {
		files = append(files, dicomtest.Shared(t, "dicom", name))
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		before := faults(t, path)
		for _, opt := range []deidentify.Options{{}, {Basic: true}, {Retain: []profile.Option{profile.ModifiedDates, profile.Patient}}} {
			out, _ := deidentified(t, b, opt)
			made := filepath.Join(t.TempDir(), "out.dcm")
			if err := os.WriteFile(made, out, 0o644); err != nil {
				t.Fatal(err)
			}
			for f := range faults(t, made) {
				if !before[f] {
					t.Errorf("%s, %+v: new: %s", filepath.Base(path), opt.Retain, f)
				}
			}
		}
	}
}

// An object of an unknown SOP class is refused.
func TestUnknownClassIsRefused(t *testing.T) {
	b, err := os.ReadFile(dicomtest.Shared(t, "dicom", "RG3_UNC.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := object.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	d, err := deidentify.New(deidentify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, class := range []string{"1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.1.99", "", "no uid"} {
		o.PutText(0x00080016, "UI", class)
		if _, err := d.Object(o); err == nil || bytes.Contains([]byte(err.Error()), []byte("no uid")) {
			t.Errorf("SOP class %q: %v", class, err)
		}
	}
}
