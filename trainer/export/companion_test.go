package export_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/seg"
	"dicomnode/sr"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/export"
)

// A segmentation made by the node is exported with its image and still refers to it, although
// the image's UID has changed everywhere.
func TestSegmentationFollows(t *testing.T) {
	source, out := patients(t, 2), filepath.Join(t.TempDir(), "set")
	files, err := filepath.Glob(filepath.Join(source, "*.dcm"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	m, err := decode.ReadFile(t.Context(), files[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &segment.Pipeline{Predictor: thirds{}, Model: segment.Model{Name: "thirds", Version: "1", Digest: "00"}}
	res, err := p.Run(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	s, err := seg.New(m, res, seg.Options{Received: time.Date(2026, 1, 3, 12, 0, 0, 0, time.UTC), Manufacturer: "dicomnode", ProductName: "XNet Node", DeviceSerialNumber: "KANARIE-NODE", Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := part10.WriteMeta(&b, part10.Meta{SOPClassUID: uid.SegmentationStorage, SOPInstanceUID: s.UID(), TransferSyntaxUID: uid.ExplicitVRLittleEndian}); err != nil {
		t.Fatal(err)
	}
	if err := s.Encode(&b); err != nil {
		t.Fatal(err)
	}
	original := filepath.Join(source, "seg.dcm")
	if err := os.WriteFile(original, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	changed(t, original, func(o *object.Object) {
		for _, s := range o.Find(0x00620002).Items { // other programs name their tracked objects like this
			s.PutText(0x00620020, "LO", "Kanarienfreund's lesion, "+s.First(0x00620005))
		}
	})
	opt := options(source, out)
	opt.Formats, opt.Filter.HasSEG = []export.Format{export.DICOM}, true
	if r := run(t, opt); r.Images != 1 || r.Objects != 1 || r.Filtered != 1 {
		t.Errorf("%+v, want the image and its segmentation", r)
	}
	all, err := export.ReadManifest(out)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	var image, mask export.Record
	for _, r := range all {
		if r.Kind == "SEG" {
			mask = r
		} else {
			image = r
		}
	}
	made := filepath.Join(out, "dicom", mask.Patient, mask.ID+".dcm")
	noNewFaults(t, original, made)
	file, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	o, err := object.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	refers := map[string]int{}
	o.Walk(func(s *object.Set, e *object.Element, path []part10.Tag) {
		if e.Tag == 0x00081155 {
			refers[s.First(e.Tag)]++
		}
	})
	tracked := map[string]bool{}
	for _, s := range o.Find(0x00620002).Items {
		if s.First(0x00620021) == "" {
			t.Error("a segment without Tracking UID")
		}
		tracked[s.First(0x00620020)] = true
	}
	if len(tracked) != len(o.Find(0x00620002).Items) || tracked[""] {
		t.Errorf("Tracking IDs %v: want one of its own for each segment", tracked)
	}
	if len(refers) != 1 || refers[image.Instance] == 0 || mask.Study != image.Study || mask.Patient != image.Patient {
		t.Errorf("the segmentation refers to %v, want %s", refers, image.Instance)
	}
	if bytes.Contains(bytes.ToUpper(file), []byte("KANARIE")) || bytes.Contains(file, []byte(s.UID())) {
		t.Error("the segmentation still names the node or its old UID")
	}
	masks, rows, cols, err := seg.ReadMasks(file)
	if err != nil || len(masks) != 4 || rows != m.Rows || cols != m.Columns || masks[0].Count() != res.Masks.Open.Count() {
		t.Errorf("%d masks of %d×%d, %v", len(masks), rows, cols, err)
	}
}

// A report of the node about an image is valid after the export too.
func TestReportIsValid(t *testing.T) {
	source, out := patients(t, 1), filepath.Join(t.TempDir(), "set")
	files, err := filepath.Glob(filepath.Join(source, "*.dcm"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	m, err := decode.ReadFile(t.Context(), files[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	image := iod.NewSource(m.Dataset)
	series := image.String(tag.SeriesInstanceUID)
	report, err := sr.New(sr.Report{
		Source: image, Rows: m.Rows, Columns: m.Columns,
		Image:        sr.Reference{SOPClassUID: image.String(tag.SOPClassUID), SOPInstanceUID: image.String(tag.SOPInstanceUID), SeriesInstanceUID: series},
		Segmentation: sr.Reference{SOPClassUID: uid.SegmentationStorage, SOPInstanceUID: series + ".8", SeriesInstanceUID: series + ".7"},
		Segments:     []sr.Segment{{Frame: 1, Label: "Bone", TrackingUID: series + ".9", Type: iod.Bone, Anatomic: true, Pixels: 500, FieldFraction: .25, MeanProbability: .875}},
		Evaluations:  []sr.Evaluation{{Concept: sr.Caution, Text: "Not for diagnostic use, says Kanarienfreund."}},
		Algorithm:    sr.Algorithm{Name: "thirds", Version: "1"},
		Equipment:    iod.Equipment{Manufacturer: "dicomnode", ModelName: "XNet Node", SerialNumber: "KANARIE-NODE", SoftwareVersions: "1"},
		Created:      time.Date(2026, 1, 3, 12, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	err = errors.Join(part10.WriteMeta(&b, part10.Meta{SOPClassUID: sr.ComprehensiveSRStorage, SOPInstanceUID: report.UID(), TransferSyntaxUID: uid.ExplicitVRLittleEndian}), report.Encode(&b))
	original := filepath.Join(source, "report.dcm")
	if err := errors.Join(err, os.WriteFile(original, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	opt := options(source, out)
	opt.Formats = []export.Format{export.DICOM}
	if r := run(t, opt); r.Images != 1 || r.Objects != 1 {
		t.Fatalf("%+v, want the image and its report", r)
	}
	all, err := export.ReadManifest(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if !strings.HasPrefix(r.Kind, "SR") {
			continue
		}
		made := filepath.Join(out, "dicom", r.Patient, r.ID+".dcm")
		noNewFaults(t, original, made)
		if file, err := os.ReadFile(made); err != nil || bytes.Contains(bytes.ToUpper(file), []byte("KANARIE")) {
			t.Errorf("the report still names somebody: %v", err)
		}
	}
}

// noNewFaults reports whether dciodvfy finds no errors in made that it does not find in
// original.
func noNewFaults(t *testing.T, original, made string) {
	t.Helper()
	if _, err := exec.LookPath("dciodvfy"); err != nil {
		if os.Getenv("REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		return
	}
	faults := func(path string) map[string]bool {
		out, _ := exec.Command("dciodvfy", "-new", path).CombinedOutput() // it fails if it finds errors
		found := map[string]bool{}
		for line := range strings.SplitSeq(string(out), "\n") {
			if strings.HasPrefix(line, "Error") {
				found[regexp.MustCompile(`\[\d+\]`).ReplaceAllString(line, "")] = true
			}
		}
		return found
	}
	before := faults(original)
	for f := range faults(made) {
		if !before[f] {
			t.Errorf("%s: new: %s", filepath.Base(made), f)
		}
	}
}
