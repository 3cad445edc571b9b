package sr_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/sr"
)

var update = flag.Bool("update", false, "accept the golden files as they are now")

const (
	crStorage  = "1.2.840.10008.5.1.4.1.1.1"
	rfStorage  = "1.2.840.10008.5.1.4.1.1.12.2"
	segStorage = "1.2.840.10008.5.1.4.1.1.66.4"
)

var created = time.Date(2026, 3, 1, 3, 4, 5, 678000, time.UTC)

// source is the data set of a complete CR image, changed.
func source(t testing.TB, change func(*iod.DataSet)) iod.Source {
	t.Helper()
	d := &iod.DataSet{}
	for t, v := range map[tag.Tag][]string{
		tag.SpecificCharacterSet: {"ISO_IR 192"}, tag.SOPClassUID: {crStorage}, tag.SOPInstanceUID: {"1.2.3.4.1"},
		tag.StudyDate: {"20260228"}, tag.StudyTime: {"101112"}, tag.AccessionNumber: {"A1"}, tag.Modality: {"CR"},
		tag.Manufacturer: {"Fictional Röntgen"}, tag.PatientName: {"Tést^Person=漢字^名"}, tag.PatientID: {"T-1"},
		tag.PatientBirthDate: {"19700101"}, tag.PatientSex: {"O"}, tag.BodyPartExamined: {"KNEE"},
		tag.StudyInstanceUID: {"1.2.3.4.2"}, tag.SeriesInstanceUID: {"1.2.3.4.3"}, tag.StudyID: {"S1"},
		tag.ReferringPhysicianName: {"Refer^R"},
		tag.InstanceNumber:         {"3"}, tag.PatientOrientation: {"L", "F"}, tag.Laterality: {"R"}, tag.PixelSpacing: {"0.2", "0.25"},
	} {
		d.Strings(t, v...)
	}
	if change != nil {
		change(d)
	}
	var b bytes.Buffer
	if err := d.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return iod.NewSource(parse(t, file(t, b.Bytes(), crStorage, "1.2.3.4.1")))
}

// file puts file meta information before a data set.
func file(t testing.TB, dataSet []byte, class, instance string) []byte {
	t.Helper()
	var b bytes.Buffer
	meta := part10.Meta{SOPClassUID: class, SOPInstanceUID: instance, TransferSyntaxUID: uid.ExplicitVRLittleEndian}
	if err := part10.WriteMeta(&b, meta); err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), dataSet...)
}

func parse(t testing.TB, b []byte) dicom.Dataset {
	t.Helper()
	ds, err := dicom.Parse(bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

// report is one with everything in it.
func report(s iod.Source) sr.Report {
	return sr.Report{
		Source: s, Rows: 40, Columns: 50,
		Image:        sr.Reference{SOPClassUID: crStorage, SOPInstanceUID: "1.2.3.4.1", SeriesInstanceUID: "1.2.3.4.3"},
		Segmentation: sr.Reference{SOPClassUID: segStorage, SOPInstanceUID: "1.2.3.4.8", SeriesInstanceUID: "1.2.3.4.7"},
		Segments: []sr.Segment{
			{1, "Open beam", "1.2.3.4.11", iod.Background, false, 500, 0.25, 0.99},
			{2, "Soft tissue", "1.2.3.4.12", iod.SoftTissue, true, 1000, 0.5, 0.91},
			{3, "Bone", "1.2.3.4.13", iod.Bone, true, 500, 0.25, 0.875},
			{4, "Soft tissue, high precision", "1.2.3.4.14", iod.SoftTissue, true, 0, 0, 0},
		},
		Evaluations: []sr.Evaluation{
			{sr.DarkCorrection, "none"}, {sr.ExposedField, "network, 1 of the frame"}, {sr.Polarity, "MONOCHROME2"},
			{sr.Quality, ""}, {sr.Caution, "Not for diagnostic use."},
		},
		Algorithm: sr.Algorithm{Name: "XNet-32", Version: "1.2 0123456789ab", Parameters: "soft tissue threshold: 0.9"},
		Equipment: iod.Equipment{Manufacturer: "dicomnode", ModelName: "XNet Node", SerialNumber: "node-1", SoftwareVersions: "1.2"},
		Created:   created,
	}
}

// written is the report as a file, and its parsed data set.
func written(t testing.TB, r sr.Report) ([]byte, iod.Source) {
	t.Helper()
	d, err := sr.New(r)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := d.Encode(&b); err != nil {
		t.Fatal(err)
	}
	out := file(t, b.Bytes(), sr.ComprehensiveSRStorage, d.UID())
	return out, iod.NewSource(parse(t, out))
}

// cases differ in what a report can say.
var cases = []struct {
	name   string
	source func(*iod.DataSet)
	report func(*sr.Report)
}{
	{"complete", nil, nil},
	{"bare", func(d *iod.DataSet) {
		for _, t := range []tag.Tag{tag.BodyPartExamined, tag.Laterality, tag.PatientOrientation, tag.PixelSpacing,
			tag.Manufacturer, tag.InstanceNumber, tag.SpecificCharacterSet, tag.PatientName} {
			d.Remove(t)
		}
	}, func(r *sr.Report) { r.Evaluations, r.Algorithm.Parameters = nil, "" }},
	{"multi-frame", func(d *iod.DataSet) {
		d.Strings(tag.SOPClassUID, rfStorage)
		d.Strings(tag.Modality, "RF")
		d.Strings(tag.BodyPartExamined, "CHEST")
	}, func(r *sr.Report) { r.Image.SOPClassUID, r.Frame = rfStorage, 7 }},
	{"detector plane, time zone, coded region", func(d *iod.DataSet) {
		d.Remove(tag.PixelSpacing)
		d.Strings(tag.ImagerPixelSpacing, "0.139", "0.139")
		d.Strings(tag.TimezoneOffsetFromUTC, "-0400")
		d.Sequence(tag.AnatomicRegionSequence, iod.Code{Value: "74670003", Scheme: "SCT", Meaning: "Wrist joint"}.Item())
	}, nil},
}

// TestGolden pins what is printed of each case, and that printing needs no more
// than what was written.
func TestGolden(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := report(source(t, c.source))
			if c.report != nil {
				c.report(&r)
			}
			_, s := written(t, r)
			var got bytes.Buffer
			if err := sr.Print(&got, s); err != nil {
				t.Fatal(err)
			}
			golden(t, strings.ReplaceAll(strings.ReplaceAll(c.name, ",", ""), " ", "-")+".txt", got.String())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got (accept with -update)\n%s", diff)
	}
}

// TestSameReportSameBytes: a repetition after a crash must be the same object,
// and any change another.
func TestSameReportSameBytes(t *testing.T) {
	first, a := written(t, report(source(t, nil)))
	second, _ := written(t, report(source(t, nil)))
	if !bytes.Equal(first, second) {
		t.Error("the same report has other bytes")
	}
	r := report(source(t, nil))
	r.Segments[2].Pixels++
	_, b := written(t, r)
	if a.String(tag.SOPInstanceUID) == b.String(tag.SOPInstanceUID) {
		t.Error("another area has the same SOP Instance UID")
	}
	if a.String(tag.SeriesInstanceUID) != b.String(tag.SeriesInstanceUID) {
		t.Error("two reports of a study are not in one series")
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*sr.Report)
		want   string // in the error
	}{
		{"no study", func(r *sr.Report) { r.Source = iod.Source{} }, "StudyInstanceUID"},
		{"no segments", func(r *sr.Report) { r.Segments = nil }, "no segments"},
		{"no pixels", func(r *sr.Report) { r.Rows = 0 }, "no pixels"},
		{"too many pixels", func(r *sr.Report) { r.Segments[0].Pixels = 2001 }, "segment 1"},
		{"fraction", func(r *sr.Report) { r.Segments[1].FieldFraction = 1.1 }, "segment 2"},
		{"no frame", func(r *sr.Report) { r.Segments[1].Frame = 0 }, "segment 2"},
		{"no label", func(r *sr.Report) { r.Segments[3].Label = "" }, "segment 4"},
		{"no serial number", func(r *sr.Report) { r.Equipment.SerialNumber = "" }, "DeviceSerialNumber"},
		{"no algorithm", func(r *sr.Report) { r.Algorithm.Name = "" }, "algorithm"},
		{"no segmentation", func(r *sr.Report) { r.Segmentation.SOPInstanceUID = "" }, "ReferencedSOPInstanceUID"},
		{"no time", func(r *sr.Report) { r.Created = time.Time{} }, "ContentDate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := report(source(t, nil))
			c.change(&r)
			_, err := sr.New(r)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// TestAreaIsThatOfThePixels recomputes every number from the segments.
func TestAreaIsThatOfThePixels(t *testing.T) {
	r := report(source(t, nil))
	_, s := written(t, r)
	numbers := map[string][]string{}
	var walk func(iod.Source)
	walk = func(item iod.Source) {
		for _, child := range item.Items(tag.ContentSequence) {
			if child.String(tag.ValueType) == "NUM" {
				name := child.Items(tag.ConceptNameCodeSequence)[0].String(tag.CodeMeaning)
				numbers[name] = append(numbers[name], child.Items(tag.MeasuredValueSequence)[0].String(tag.NumericValue))
			}
			walk(child)
		}
	}
	walk(s)
	want := map[string][]string{
		"Area":                                  {"25", "50", "25", "0"}, // 0.2 mm × 0.25 mm a pixel
		"Segment pixel count":                   {"500", "1000", "500", "0"},
		"Fraction of exposed field":             {"25", "50", "25", "0"},
		"Fractional Probabilistic Segmentation": {"0.99", "0.91", "0.875"},
		"Pixel Data Rows":                       {"40"}, "Pixel Data Columns": {"50"},
		"Horizontal Pixel Spacing": {"0.25"}, "Vertical Pixel Spacing": {"0.2"},
	}
	if diff := cmp.Diff(want, numbers); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestPrintRefusesAnImage(t *testing.T) {
	if err := sr.Print(&bytes.Buffer{}, source(t, nil)); !errors.Is(err, sr.ErrNoReport) {
		t.Errorf("error %v, want ErrNoReport", err)
	}
}

// FuzzHeader: whatever the source's header says, the report is refused or can be
// read back.
func FuzzHeader(f *testing.F) {
	f.Add("KNEE", "R", "L\\F", "0.2\\0.25", "Tést^Person", "3")
	f.Add("", "", "", "", "", "")
	f.Add("\x1b$)C", "U", "A", "1e400\\0", "\x00\xff^=", "-7")
	f.Fuzz(func(t *testing.T, part, side, orientation, spacing, name, number string) {
		d := dicom.Dataset{}
		for tg, v := range map[tag.Tag]string{
			tag.BodyPartExamined: part, tag.Laterality: side, tag.PatientOrientation: orientation, tag.PixelSpacing: spacing,
			tag.PatientName: name, tag.InstanceNumber: number, tag.StudyInstanceUID: "1.2.3.4.2", tag.Modality: "CR",
		} {
			e, err := dicom.NewElement(tg, strings.Split(v, `\`))
			if err != nil {
				t.Skip()
			}
			d.Elements = append(d.Elements, e)
		}
		doc, err := sr.New(report(iod.NewSource(d)))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := doc.Encode(&b); err != nil {
			t.Fatal(err)
		}
		if err := sr.Print(&bytes.Buffer{}, iod.NewSource(parse(t, file(t, b.Bytes(), sr.ComprehensiveSRStorage, doc.UID())))); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkNew(b *testing.B) {
	s := source(b, nil)
	for b.Loop() {
		d, err := sr.New(report(s))
		if err != nil {
			b.Fatal(err)
		}
		if err := d.Encode(&bytes.Buffer{}); err != nil {
			b.Fatal(err)
		}
	}
}
