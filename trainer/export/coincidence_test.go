package export_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/internal/codec"
	"dicomnode/internal/dicomtest"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/profile"
	"dicomnode/trainer/export"
)

// first returns the only object of a set of DICOM files, or the first that ok accepts.
func first(t *testing.T, out string, ok func(export.Record) bool) *object.Object {
	t.Helper()
	all, err := export.ReadManifest(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if ok != nil && !ok(r) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(out, "dicom", r.Patient, r.ID+".dcm"))
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	t.Fatalf("no such object among %d", len(all))
	return nil
}

// A kept value is removed too if it is a copy of a removed one; a number that can be written in
// another form stays.
func TestCopiesOfRemovedValues(t *testing.T) {
	source, out := patients(t, 2), filepath.Join(t.TempDir(), "set")
	files, _ := filepath.Glob(filepath.Join(source, "*.dcm"))
	changed(t, files[0], func(o *object.Object) {
		o.PutText(0x00200010, "SH", "860114") // Study ID
		o.PutText(0x00200011, "IS", "860114") // Series Number
		o.PutText(0x00091001, "UN", `0.160\0.160`)
		o.PutText(0x00181164, "DS", "0.160", "0.160")
	})
	opt := options(source, out)
	opt.Formats = []export.Format{export.DICOM}
	r := run(t, opt)
	o := first(t, out, func(r export.Record) bool { return r.SpacingMM == .16 })
	if n, s := o.First(0x00200011), o.Text(0x00181164); n != "" || strings.Join(s, " ") != "0.16 0.16" {
		t.Errorf("Series Number %q, Imager Pixel Spacing %q; want none and 0.16 0.16", n, s)
	}
	if !strings.Contains(strings.Join(r.Notes, "\n"), "SeriesNumber") {
		t.Errorf("notes do not say what was taken out: %q", r.Notes)
	}
}

// A shifted date of one patient may be an original date of another.
func TestShiftedDatesMeet(t *testing.T) {
	source := patients(t, 4)
	opt := options(source, filepath.Join(t.TempDir(), "a"))
	opt.Formats, opt.Deidentify.Retain = []export.Format{export.DICOM}, []profile.Option{profile.ModifiedDates}
	run(t, opt)
	date := first(t, opt.Out, nil).First(0x00080020)
	if len(date) != 8 || date == "20260103" {
		t.Fatalf("shifted Study Date %q", date)
	}
	files, _ := filepath.Glob(filepath.Join(source, "*.dcm"))
	for _, half := range [][]string{files[:2], files[2:]} { // one half is of the other patient
		for _, f := range half {
			changed(t, f, func(o *object.Object) { o.PutText(0x00080020, "DA", date) })
		}
		again := opt
		again.Out = filepath.Join(t.TempDir(), "b")
		if r, err := export.Run(context.Background(), again); err != nil {
			t.Errorf("%v: %v", err, r.Hits)
		}
		for _, f := range half {
			changed(t, f, func(o *object.Object) { o.PutText(0x00080020, "DA", "20260103") })
		}
	}
}

// With shifted dates, files are still searched for the dates of other patients.
func TestDatesOfOthers(t *testing.T) {
	source := patients(t, 4)
	opt := options(source, filepath.Join(t.TempDir(), "set"))
	opt.Formats, opt.Deidentify.Retain = []export.Format{export.DICOM}, []profile.Option{profile.ModifiedDates}
	files, _ := filepath.Glob(filepath.Join(source, "*.dcm"))
	changed(t, files[3], func(o *object.Object) { o.PutText(0x00080020, "DA", "20250506") })
	changed(t, files[0], func(o *object.Object) { o.PutText(0x00200011, "IS", "20250506") }) // Series Number of another patient
	run(t, opt)
	all, err := export.ReadManifest(opt.Out)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		b, err := os.ReadFile(filepath.Join(opt.Out, "dicom", r.Patient, r.ID+".dcm"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "20250506") {
			t.Error("a date of one patient stands in a file of another one")
		}
	}
}

// An image whose codec is missing is refused; the others are exported.
func TestMissingCodec(t *testing.T) {
	opt := options("", filepath.Join(t.TempDir(), "set"))
	opt.Source = export.Folders{dicomtest.Shared(t, "dicom", "RG3_J2KR.dcm"), dicomtest.Shared(t, "dicom", "RG2_UNC.dcm")}
	opt.Labels, opt.Formats = export.None, []export.Format{export.DICOM}
	r := run(t, opt)
	if r.Images != 1 || len(r.Refused) != 1 || !strings.Contains(strings.Join(r.Notes, ""), codec.Hint) {
		t.Errorf("%+v, want one image, one refused and what to do", r)
	}
	all, err := export.ReadManifest(opt.Out)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range all { // neither labels nor a search for text are requested: the predictor is not used
		if rec.BurnedIn.Done != "not searched" || rec.BurnedIn.Found != 0 {
			t.Errorf("%+v, want no search", rec.BurnedIn)
		}
	}
}
