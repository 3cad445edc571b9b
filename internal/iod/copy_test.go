package iod_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// source parses what build sets, as the program parses an image.
func source(t *testing.T, build func(*iod.DataSet)) iod.Source {
	t.Helper()
	d := &iod.DataSet{}
	d.Strings(tag.SpecificCharacterSet, "ISO_IR 192")
	build(d)
	return parse(t, encode(t, d))
}

func parse(t *testing.T, b []byte) iod.Source {
	t.Helper()
	var file bytes.Buffer
	if err := part10.WriteMeta(&file, part10.Meta{SOPClassUID: "1.2", SOPInstanceUID: "1.2", TransferSyntaxUID: uid.ExplicitVRLittleEndian}); err != nil {
		t.Fatal(err)
	}
	file.Write(b)
	ds, err := dicom.ParseUntilEOF(&file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return iod.NewSource(ds)
}

func TestPatientAndStudy(t *testing.T) {
	s := source(t, func(d *iod.DataSet) {
		d.Strings(tag.PatientName, "Ä^B")
		d.Strings(tag.StudyInstanceUID, "1.2")
		d.Strings(tag.OtherPatientIDs, "1", "2")
		d.Sequence(tag.OtherPatientIDsSequence, patientID("3"), patientID("4"))
		d.Strings(tag.PatientComments, `one value \ not two`)
		d.Strings(tag.Modality, "CR")
	})
	d := &iod.DataSet{}
	d.Strings(tag.SpecificCharacterSet, "ISO_IR 192")
	d.PatientAndStudy(s)
	got := parse(t, encode(t, d))
	if v := got.String(tag.PatientName); v != "Ä^B" {
		t.Errorf("patient name is %q", v)
	}
	if v := got.Strings(tag.OtherPatientIDs); len(v) != 2 {
		t.Errorf("other patient IDs are %q", v)
	}
	if items := got.Items(tag.OtherPatientIDsSequence); len(items) != 2 || items[1].String(tag.PatientID) != "4" {
		t.Errorf("other patient IDs sequence has %d items", len(items))
	}
	if !bytes.Contains(encode(t, d), []byte(`one value \ not two`)) {
		t.Error("the backslash in the comments was not kept")
	}
	for _, empty := range []tag.Tag{tag.PatientID, tag.PatientBirthDate, tag.PatientSex, tag.StudyDate, tag.StudyTime, tag.AccessionNumber, tag.ReferringPhysicianName, tag.StudyID} {
		if !got.Has(empty) || got.String(empty) != "" {
			t.Errorf("%s is not present and empty", empty)
		}
	}
	for _, absent := range []tag.Tag{tag.Modality, tag.PatientAge, tag.IssuerOfPatientID} {
		if got.Has(absent) {
			t.Errorf("%s was added", absent)
		}
	}
}

// TestCopyTranscodes: what came in Latin-1 goes out as UTF-8.
func TestCopyTranscodes(t *testing.T) {
	d := &iod.DataSet{}
	d.Strings(tag.SpecificCharacterSet, "ISO_IR 100")
	d.Strings(tag.PatientName, "M_ller^J_rg")
	d.Strings(tag.StudyInstanceUID, "1.2")
	latin1 := bytes.Replace(bytes.Replace(encode(t, d), []byte("M_"), []byte("M\xfc"), 1), []byte("J_"), []byte("J\xf6"), 1)
	copied := &iod.DataSet{}
	copied.PatientAndStudy(parse(t, latin1))
	if !bytes.Contains(encode(t, copied), []byte("PN\x0e\x00Müller^Jörg ")) {
		t.Errorf("encoded as %q", encode(t, copied)[:60])
	}
}

// FuzzCopy: whatever a source holds, its copy is an error or a data set that
// reads back with the same name.
func FuzzCopy(f *testing.F) {
	f.Add("A^B", "1", "two\r\nlines", "20240229")
	f.Add("M\xfcller\x00", strings.Repeat("9", 99), `back\slash`, "2024.02.29")
	f.Add("=^=", " ", "", "\x1b$B")
	f.Fuzz(func(t *testing.T, name, id, comments, date string) {
		var elements []*dicom.Element
		for tag, v := range map[tag.Tag]string{
			tag.PatientName: name, tag.PatientID: id, tag.PatientComments: comments, tag.StudyDate: date,
			tag.StudyInstanceUID: "1.2", tag.PatientAge: id, tag.IssuerOfPatientID: comments,
		} {
			e, err := dicom.NewElement(tag, strings.Split(v, `\`))
			if err != nil {
				t.Fatal(err)
			}
			elements = append(elements, e)
		}
		source := iod.NewSource(dicom.Dataset{Elements: elements})
		d := &iod.DataSet{}
		d.Strings(tag.SpecificCharacterSet, "ISO_IR 192")
		d.PatientAndStudy(source)
		if d.Err() != nil {
			if len(name)+len(id)+len(date) < 60000 {
				t.Fatalf("short values gave %v", d.Err())
			}
			return
		}
		got := parse(t, encode(t, d))
		for _, r := range got.String(tag.PatientName) {
			if r < 0x20 || r == utf8.RuneError && !strings.ContainsRune(name, utf8.RuneError) {
				t.Fatalf("name %q became %q", name, got.String(tag.PatientName))
			}
		}
		if !got.Has(tag.PatientID) || got.String(tag.StudyInstanceUID) != "1.2" {
			t.Fatal("patient ID or study is missing")
		}
	})
}

func patientID(id string) *iod.DataSet {
	d := &iod.DataSet{}
	d.Strings(tag.PatientID, id)
	return d
}

// TestCopyOfInvalidValues: what identifies is passed on, the rest is left out.
func TestCopyOfInvalidValues(t *testing.T) {
	element := func(t tag.Tag, values ...string) *dicom.Element {
		e, err := dicom.NewElement(t, values)
		if err != nil {
			panic(err)
		}
		return e
	}
	item, err := dicom.NewElement(tag.OtherPatientIDsSequence, [][]*dicom.Element{{element(tag.PatientID, strings.Repeat("9", 99))}})
	if err != nil {
		t.Fatal(err)
	}
	d := &iod.DataSet{}
	d.Strings(tag.SpecificCharacterSet, "ISO_IR 192")
	d.PatientAndStudy(iod.NewSource(dicom.Dataset{Elements: []*dicom.Element{
		element(tag.PatientID, strings.Repeat("9", 99)), element(tag.PatientSex, "m"), element(tag.PatientAge, "old"),
		element(tag.PatientName, "M\xfcller\x00\x07"), element(tag.StudyInstanceUID, "1.02.3"), item, nil,
		{Tag: tag.PatientWeight}, {Tag: tag.StudyDescription},
	}}))
	got := parse(t, encode(t, d))
	for tag, want := range map[tag.Tag]string{
		tag.PatientID: strings.Repeat("9", 99), tag.PatientSex: "m", tag.PatientName: "Müller", tag.StudyInstanceUID: "1.02.3",
	} {
		if v := got.String(tag); v != want {
			t.Errorf("%s is %q, want %q", tag, v, want)
		}
	}
	for _, absent := range []tag.Tag{tag.PatientAge, tag.OtherPatientIDsSequence, tag.PatientWeight} {
		if got.Has(absent) {
			t.Errorf("%s was copied", absent)
		}
	}
}

func TestStudyIsRequired(t *testing.T) {
	d := &iod.DataSet{}
	d.PatientAndStudy(iod.Source{})
	var attribute *iod.AttributeError
	if !errors.As(d.Err(), &attribute) || attribute.Tag != tag.StudyInstanceUID {
		t.Errorf("error is %v", d.Err())
	}
}

func TestAnatomicRegion(t *testing.T) {
	for _, c := range []struct{ bodyPart, side, wantCode, wantSide string }{
		{"KNEE", "L", "72696002", "7771000"}, {"HAND", "B", "85562004", "51440002"}, {"CHEST", "L", "816094009", ""},
		{"LEG", "", "61685007", ""}, {"BODY", "R", "", ""}, {"", "", "", ""},
	} {
		s := source(t, func(d *iod.DataSet) {
			d.Optional(tag.BodyPartExamined, c.bodyPart)
			d.Optional(tag.Laterality, c.side)
		})
		d := &iod.DataSet{}
		d.AnatomicRegion(s)
		var code, side string
		for _, item := range parse(t, encode(t, d)).Items(tag.AnatomicRegionSequence) {
			code = item.String(tag.CodeValue)
			for _, modifier := range item.Items(tag.AnatomicRegionModifierSequence) {
				side = modifier.String(tag.CodeValue)
			}
		}
		if code != c.wantCode || side != c.wantSide {
			t.Errorf("%s %s is %q %q, want %q %q", c.bodyPart, c.side, code, side, c.wantCode, c.wantSide)
		}
	}
	if code, _, known := iod.AnatomicRegion(" neck of femur "); !known || code.Value != "24136001" {
		t.Errorf("neck of femur is %v", code)
	}
}

func TestPixelSpacing(t *testing.T) {
	for _, c := range []struct {
		pixel, imager, scanned, calibration string
		want                                iod.Spacing
	}{
		{"", "", "", "", iod.Spacing{}},
		{"0.2", "", "", "", iod.Spacing{Row: 0.2, Column: 0.2, Basis: iod.UnknownCalibration}},
		{"0.2", "0.2", "", "", iod.Spacing{Row: 0.2, Column: 0.2, Basis: iod.DetectorPlane}},
		{"0.1", "0.2", "", "", iod.Spacing{Row: 0.1, Column: 0.1, Basis: iod.Calibrated}},
		{"0.2", "0.2", "", "FIDUCIAL", iod.Spacing{Row: 0.2, Column: 0.2, Basis: iod.Calibrated}},
		{"", "0.2", "0.3", "", iod.Spacing{Row: 0.2, Column: 0.2, Basis: iod.DetectorPlane}},
		{"", "", "0.3", "", iod.Spacing{Row: 0.3, Column: 0.3, Basis: iod.Film}},
		{"0.3", "", "0.3", "", iod.Spacing{Row: 0.3, Column: 0.3, Basis: iod.Film}},
		{"0", "", "", "", iod.Spacing{}},
		{"-1", "0.2", "", "GEOMETRY", iod.Spacing{Row: 0.2, Column: 0.2, Basis: iod.DetectorPlane}},
	} {
		s := source(t, func(d *iod.DataSet) {
			for t, v := range map[tag.Tag]string{tag.PixelSpacing: c.pixel, tag.ImagerPixelSpacing: c.imager, tag.NominalScannedPixelSpacing: c.scanned} {
				if v != "" {
					d.Strings(t, v, v)
				}
			}
			d.Optional(tag.PixelSpacingCalibrationType, c.calibration)
		})
		if got, ok := iod.PixelSpacing(s); got != c.want || ok != (c.want != iod.Spacing{}) {
			t.Errorf("%+v: got %v %v", c, got, ok)
		}
	}
}

func TestLocalTime(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for zone, want := range map[string]string{"": "12:00", "-0400": "08:00", "+0530": "17:30", "EST": "12:00"} {
		s := source(t, func(d *iod.DataSet) { d.Optional(tag.TimezoneOffsetFromUTC, zone) })
		if got := iod.LocalTime(s, noon).Format("15:04"); got != want {
			t.Errorf("%q gives %s, want %s", zone, got, want)
		}
		d := &iod.DataSet{}
		if d.TimeZone(s); d.Has(tag.TimezoneOffsetFromUTC) != (want != "12:00") {
			t.Errorf("%q was copied or lost", zone)
		}
	}
}

// TestCopyKeepsTheVR: attributes of several VRs keep that of the source, and what a data set
// requires is copied or makes it invalid.
func TestCopyKeepsTheVR(t *testing.T) {
	for name, c := range map[string]struct {
		tag   tag.Tag
		vr    string
		value any
		want  string // encoded; "" is an error
	}{
		"table in OW":           {tag.LUTData, "OW", []byte{1, 2, 3, 4}, "\x28\x00\x06\x30OW\x00\x00\x04\x00\x00\x00\x01\x02\x03\x04"},
		"odd table in OW":       {tag.LUTData, "OW", []byte{1, 2, 3}, "\x28\x00\x06\x30OW\x00\x00\x04\x00\x00\x00\x01\x02\x03\x00"},
		"table in US":           {tag.LUTData, "US", []int{258, 65535}, "\x28\x00\x06\x30US\x04\x00\x02\x01\xff\xff"},
		"table in OB":           {tag.LUTData, "OB", []byte{1, 2}, ""},
		"signed descriptor":     {tag.LUTDescriptor, "SS", []int{2, -1, 8}, "\x28\x00\x02\x30SS\x06\x00\x02\x00\xff\xff\x08\x00"},
		"unsigned descriptor":   {tag.LUTDescriptor, "US", []int{2, 65535, 8}, "\x28\x00\x02\x30US\x06\x00\x02\x00\xff\xff\x08\x00"},
		"descriptor of two":     {tag.LUTDescriptor, "SS", []int{2, -1}, ""},
		"descriptor in UL":      {tag.LUTDescriptor, "UL", []int{2, 70000, 8}, ""},
		"table without entries": {tag.LUTData, "OW", []byte{}, ""},
		"no value":              {tag.LUTData, "US", []int{}, ""},
	} {
		e, err := dicom.NewElement(c.tag, c.value)
		if err != nil {
			t.Fatal(err)
		}
		e.RawValueRepresentation = c.vr
		d := &iod.DataSet{}
		d.CopyRequired(iod.NewSource(dicom.Dataset{Elements: []*dicom.Element{e}}), c.tag)
		if c.want == "" {
			var attribute *iod.AttributeError
			if !errors.As(d.Err(), &attribute) || attribute.Tag != c.tag {
				t.Errorf("%s: error is %v", name, d.Err())
			}
			continue
		}
		if got := encode(t, d); string(got) != c.want {
			t.Errorf("%s: encoded as %q, want %q", name, got, c.want)
		}
	}
}

func TestPixelAspectRatio(t *testing.T) {
	for _, c := range []struct{ ratio, spacing, want string }{
		{"", "", ""}, {`2\1`, "", `2\1`}, {`1\1`, "", ""}, {`3\3`, "", ""}, {`0\1`, "", ""}, {`-2\1`, "", ""}, {`2`, "", ""},
		{`2\1`, `0.2\0.2`, ""}, {"", `0.2\0.25`, `800\1000`}, {"", `0.2\0.20001`, ""}, {"", `1e300\1e-300`, ""}, {"", `1e-300\1`, ""},
	} {
		var elements []*dicom.Element
		for at, v := range map[tag.Tag]string{tag.PixelAspectRatio: c.ratio, tag.PixelSpacing: c.spacing} {
			e, err := dicom.NewElement(at, strings.Split(v, `\`))
			if err != nil {
				t.Fatal(err)
			}
			elements = append(elements, e)
		}
		d := &iod.DataSet{}
		d.PixelAspectRatio(iod.NewSource(dicom.Dataset{Elements: elements}))
		if got := strings.Join(parse(t, encode(t, d)).Strings(tag.PixelAspectRatio), `\`); got != c.want {
			t.Errorf("ratio %q, spacing %q: got %q, want %q", c.ratio, c.spacing, got, c.want)
		}
	}
}
