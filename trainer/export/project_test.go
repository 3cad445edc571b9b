package export_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dicomnode/trainer/deidentify/profile"
	"dicomnode/trainer/export"
)

// stopped exports until one object is done.
func stopped(t *testing.T, opt export.Options) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	opt.Workers = 1
	opt.Progress = func(done, _ int) {
		if done == 1 {
			cancel()
		}
	}
	if _, err := export.Run(ctx, opt); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// Files that were staged with other options are not published.
func TestStagedWithOtherOptions(t *testing.T) {
	opt := options(patients(t, 3), filepath.Join(t.TempDir(), "set"))
	opt.Formats, opt.Deidentify.Retain = []export.Format{export.DICOM}, []profile.Option{profile.FullDates, profile.Institution}
	stopped(t, opt)
	opt.Deidentify.Retain = nil
	if r := run(t, opt); r.Kept > 0 || r.Images != 3 || len(r.Notes) == 0 {
		t.Errorf("%+v, want 3 images, none kept, and a note", r)
	}
	for path := range tree(t, opt.Out) {
		b, _ := os.ReadFile(filepath.Join(opt.Out, path))
		if bytes.Contains(b, []byte("20260103")) || bytes.Contains(b, []byte("Kanarienvogel")) {
			t.Errorf("%s has values that the options remove", path)
		}
	}
}

// A finished set stays as it is if other options are given, and the report says so.
func TestOtherOptionsOfASet(t *testing.T) {
	opt := options(patients(t, 2), filepath.Join(t.TempDir(), "set"))
	opt.Formats = []export.Format{export.Dataset}
	run(t, opt)
	if r := run(t, opt); len(r.Notes) > 0 {
		t.Errorf("the same options: %v", r.Notes)
	}
	opt.Formats = []export.Format{export.DICOM}
	if r := run(t, opt); r.Kept != 2 || !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "other options") }) {
		t.Errorf("%d kept, notes %v; want 2 and a note on the options", r.Kept, r.Notes)
	}
}

// A revoked patient stays out of the set, also if the patient's files were staged, and so does a
// revoked image. The set does not name them.
func TestRevokedStaysOut(t *testing.T) {
	opt := options(patients(t, 6), filepath.Join(t.TempDir(), "set"))
	opt.Formats = []export.Format{export.PNG}
	run(t, opt)
	all, err := export.ReadManifest(opt.Out)
	if err != nil {
		t.Fatal(err)
	}
	var patient, image string
	for _, r := range all {
		if patient == "" {
			patient = r.Patient
		} else if r.Patient != patient {
			image = r.ID
		}
	}
	if _, err := export.Revoke(opt.Out, []string{patient, image}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := run(t, opt)
		if r.Kept != 3 || r.Images != 3 || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "3 objects") {
			t.Errorf("%d kept of %d, notes %v; want 3 of 3, and 3 left out", r.Kept, r.Images, r.Notes)
		}
		for path := range tree(t, opt.Out) {
			b, _ := os.ReadFile(filepath.Join(opt.Out, path))
			if bytes.Contains(b, []byte(patient)) || bytes.Contains(b, []byte(image)) {
				t.Errorf("%s names what was revoked", path)
			}
		}
	}
}
