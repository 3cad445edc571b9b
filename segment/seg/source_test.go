package seg_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/dark"
	"dicomnode/segment/decode"
	"dicomnode/segment/field"
	"dicomnode/segment/picture"
	"dicomnode/segment/polarity"
	"dicomnode/segment/seg"
)

const (
	crStorage             = "1.2.840.10008.5.1.4.1.1.1"
	dxPresentationStorage = "1.2.840.10008.5.1.4.1.1.1.1"
	dxProcessingStorage   = "1.2.840.10008.5.1.4.1.1.1.1.1"
	rfStorage             = "1.2.840.10008.5.1.4.1.1.12.2"
)

// received is when every test source arrived.
var received = time.Date(2026, 3, 1, 3, 4, 5, 678000, time.UTC)

// segSource is a synthetic source image: everything a complete CR has.
func segSource(rows, cols int, change func(*iod.DataSet)) *iod.DataSet {
	d := &iod.DataSet{}
	for t, v := range map[tag.Tag][]string{
		tag.SpecificCharacterSet: {"ISO_IR 192"}, tag.ImageType: {"ORIGINAL", "PRIMARY"},
		tag.SOPClassUID: {crStorage}, tag.SOPInstanceUID: {"1.2.3.4.1"},
		tag.StudyDate: {"20260228"}, tag.StudyTime: {"101112"}, tag.AccessionNumber: {"A1"}, tag.Modality: {"CR"},
		tag.Manufacturer: {"Fictional Röntgen"}, tag.InstitutionName: {"Nowhere"}, tag.StationName: {"R1"},
		tag.ManufacturerModelName: {"Plate"}, tag.DeviceSerialNumber: {"77"}, tag.SoftwareVersions: {"3.1"},
		tag.ReferringPhysicianName: {"Refer^R"}, tag.StudyDescription: {"Knee"},
		tag.PatientName: {"Tést^Person=漢字^名"}, tag.PatientID: {"T-1"}, tag.IssuerOfPatientID: {"ISSUER"},
		tag.PatientBirthDate: {"19700101"}, tag.PatientSex: {"O"}, tag.PatientAge: {"056Y"}, tag.PatientSize: {"1.7"},
		tag.PatientWeight: {"70"}, tag.BodyPartExamined: {"KNEE"}, tag.ViewPosition: {"AP"},
		tag.StudyInstanceUID: {"1.2.3.4.2"}, tag.SeriesInstanceUID: {"1.2.3.4.3"}, tag.StudyID: {"S1"},
		tag.SeriesNumber: {"1"}, tag.InstanceNumber: {"1"}, tag.PatientOrientation: {"L", "F"}, tag.Laterality: {"R"},
		tag.PhotometricInterpretation: {"MONOCHROME2"}, tag.PixelSpacing: {"0.2", "0.25"},
	} {
		d.Strings(t, v...)
	}
	for t, v := range map[tag.Tag]int{
		tag.SamplesPerPixel: 1, tag.Rows: rows, tag.Columns: cols, tag.BitsAllocated: 16, tag.BitsStored: 12,
		tag.HighBit: 11, tag.PixelRepresentation: 0,
	} {
		d.Ints(t, v)
	}
	if change != nil {
		change(d)
	}
	return d
}

// remove takes attributes away from d.
func without(d *iod.DataSet, tags ...tag.Tag) {
	for _, t := range tags {
		d.Remove(t)
	}
}

// parse reads a data set the way the program does.
func parse(t testing.TB, d *iod.DataSet) dicom.Dataset {
	t.Helper()
	var b bytes.Buffer
	if err := d.Encode(&b); err != nil {
		t.Fatalf("encode: %v", err)
	}
	return parsePart10(t, part10Bytes(t, b.Bytes(), "1.2", "1.2"))
}

func parsePart10(t testing.TB, b []byte) dicom.Dataset {
	t.Helper()
	ds, err := dicom.Parse(bytes.NewReader(b), int64(len(b)), nil, dicom.SkipPixelData())
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	return ds
}

func part10Bytes(t testing.TB, dataSet []byte, class, instance string) []byte {
	t.Helper()
	var b bytes.Buffer
	meta := part10.Meta{SOPClassUID: class, SOPInstanceUID: instance, TransferSyntaxUID: uid.ExplicitVRLittleEndian}
	if err := part10.WriteMeta(&b, meta); err != nil {
		t.Fatalf("write meta: %v", err)
	}
	return append(b.Bytes(), dataSet...)
}

// segImage is d as a decoded image, without its samples.
func segImage(t testing.TB, d *iod.DataSet) *decode.Image {
	t.Helper()
	return imageOf(parse(t, d))
}

func imageOf(ds dicom.Dataset) *decode.Image {
	s := iod.NewSource(ds)
	img := &decode.Image{
		Dataset: ds, SOPClassUID: s.String(tag.SOPClassUID), SOPInstanceUID: s.String(tag.SOPInstanceUID),
		TransferSyntaxUID: uid.ExplicitVRLittleEndian, SamplesPerPixel: 1, Frames: 1, Received: received,
	}
	for t, n := range map[tag.Tag]*int{tag.Rows: &img.Rows, tag.Columns: &img.Columns} {
		if e, err := ds.FindElementByTag(t); err == nil {
			*n = dicom.MustGetInts(e.Value)[0]
		}
	}
	return img
}

// segResult has random regions; the seed is the size, so every run has the same.
func segResult(rows, cols int) *segment.Result {
	n := rows * cols
	m := segment.Masks{
		Open: make(picture.Mask, n), Soft: make(picture.Mask, n), Bone: make(picture.Mask, n),
		HighPrecisionSoft: make(picture.Mask, n),
	}
	random := rand.New(rand.NewPCG(uint64(rows), uint64(cols)))
	for i := range n {
		switch random.IntN(4) {
		case 0:
			m.Open[i] = true
		case 1:
			m.Soft[i] = true
		case 2:
			m.Soft[i], m.HighPrecisionSoft[i] = true, true
		default:
			m.Bone[i] = true
		}
	}
	return &segment.Result{
		Rows: rows, Columns: cols, Masks: m, BodyPart: "KNEE", SoftTissueThreshold: 0.9,
		Dark:         dark.Record{Method: "dark frames", Reason: "calibration of this detector", Frames: 16, Offset: 101.25, Gain: true, Digest: "d1"},
		FieldRecord:  field.Record{Method: "image", Fraction: 0.75},
		Polarity:     polarity.Record{Case: "MONOCHROME2, for presentation", Inverted: true},
		Model:        segment.Model{Name: "XNet-16", Version: "1.0.0", Digest: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", Device: "CPU"},
		ConfigDigest: "c0ffee", Frame: 1, Frames: 1,
	}
}

func segOptions(p seg.Profile) seg.Options {
	return seg.Options{
		Profile: p, Received: received, Manufacturer: "dicomnode project", ProductName: "dicomnode",
		DeviceSerialNumber: "install-1", Version: "1.2.3",
	}
}

// newSEG makes a segmentation.
func newSEG(t testing.TB, img *decode.Image, res *segment.Result, opt seg.Options) *seg.SEG {
	t.Helper()
	s, err := seg.New(img, res, opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func uidOf(t testing.TB, img *decode.Image, res *segment.Result, opt seg.Options) string {
	t.Helper()
	return newSEG(t, img, res, opt).UID()
}

// writeSEG returns the data set bytes.
func writeSEG(t testing.TB, img *decode.Image, res *segment.Result, opt seg.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := newSEG(t, img, res, opt).Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// writeSource writes d with black pixels as a file.
func writeSource(t testing.TB, path string, d *iod.DataSet, rows, cols int) {
	t.Helper()
	d.Bulk(tag.PixelData, int64(2*rows*cols), func(w io.Writer) error {
		_, err := w.Write(make([]byte, 2*rows*cols))
		return err
	})
	var b bytes.Buffer
	if err := d.Encode(&b); err != nil {
		t.Fatalf("encode source: %v", err)
	}
	writeFile(t, path, part10Bytes(t, b.Bytes(), "1.2", "1.2"))
}

func writeFile(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
