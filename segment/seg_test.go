package segment_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/segment"
)

var update = flag.Bool("update", false, "write the golden dumps of segmentations anew")

// TestSEGDump compares every attribute with testdata/seg-<profile>.dump. The dump
// is made by another reader than the one under test.
func TestSEGDump(t *testing.T) {
	for _, p := range profiles() {
		t.Run(string(p), func(t *testing.T) {
			img := segImage(t, segSource(5, 5, nil))
			got := dump(t, writeSEG(t, img, crossResult(), segOptions(p)))
			path := filepath.Join("testdata", "seg-"+string(p)+".dump")
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				writeFile(t, path, []byte(got))
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("dump differs (-want +got); -update accepts it:\n%s", diff)
			}
		})
	}
}

// crossResult has 5×5 masks one can read in the hexadecimal dump: a border, the
// ring inside it, the centre, and one pixel of the ring.
func crossResult() *segment.Result {
	r := segResult(5, 5)
	r.Masks = segment.Masks{
		Open:              mask("#####", "#...#", "#...#", "#...#", "#####"),
		Soft:              mask(".....", ".###.", ".#.#.", ".###.", "....."),
		Bone:              mask(".....", ".....", "..#..", ".....", "....."),
		HighPrecisionSoft: mask(".....", ".#...", ".....", ".....", "....."),
	}
	return r
}

func mask(rows ...string) segment.Mask {
	var m segment.Mask
	for _, r := range rows {
		for _, c := range r {
			m = append(m, c == '#')
		}
	}
	return m
}

// dump prints a data set, one attribute a line, items indented.
func dump(t *testing.T, dataSet []byte) string {
	t.Helper()
	b := part10Bytes(t, dataSet, segment.SegmentationStorage, "1.2")
	ds, err := dicom.Parse(bytes.NewReader(b), int64(len(b)), nil, dicom.SkipProcessingPixelDataValue())
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	var out strings.Builder
	dumpElements(&out, "", ds.Elements)
	return out.String()
}

func dumpElements(out *strings.Builder, indent string, elements []*dicom.Element) {
	for _, e := range elements {
		if e.Tag.Group == 2 {
			continue
		}
		info, _ := tag.Find(e.Tag)
		fmt.Fprintf(out, "%s%s %s %s", indent, e.Tag, e.RawValueRepresentation, info.Keyword)
		switch v := e.Value.GetValue().(type) {
		case []*dicom.SequenceItemValue:
			fmt.Fprintf(out, ": %d items\n", len(v))
			for _, item := range v {
				fmt.Fprintf(out, "%s  item\n", indent)
				dumpElements(out, indent+"    ", item.GetValue().([]*dicom.Element))
			}
		case dicom.PixelDataInfo:
			fmt.Fprintf(out, " % x\n", v.UnprocessedValueData)
		default:
			fmt.Fprintf(out, " %q\n", fmt.Sprint(v))
		}
	}
}

// TestSEGIsRepeatable: same arguments, same bytes and UID.
func TestSEGIsRepeatable(t *testing.T) {
	img := segImage(t, segSource(37, 45, nil))
	first := writeSEG(t, img, segResult(37, 45), segOptions(""))
	again := writeSEG(t, segImage(t, segSource(37, 45, nil)), segResult(37, 45), segOptions(segment.SEGDisplay))
	if !bytes.Equal(first, again) {
		t.Error("two runs gave different bytes")
	}
	uid := segment.SEGInstanceUID(img, segResult(37, 45), segOptions(""))
	if got := valueOf(t, first, tag.SOPInstanceUID); got != uid || !strings.HasPrefix(uid, "2.25.") || len(uid) > 44 {
		t.Errorf("SOP Instance UID is %q, SEGInstanceUID %q", got, uid)
	}
	later := segOptions("")
	later.Received = time.Time{}
	if got := segment.SEGInstanceUID(img, segResult(37, 45), later); got != uid {
		t.Errorf("with the image's time the UID is %q, want %q", got, uid)
	}
}

// TestSEGUIDChanges: whatever changes what stands before the pixels changes the
// UID, the pixels themselves do not.
func TestSEGUIDChanges(t *testing.T) {
	uid := func(change func(*segment.Image, *segment.Result, *segment.SEGOptions)) string {
		img, res, opt := segImage(t, segSource(5, 5, nil)), crossResult(), segOptions("")
		change(img, res, &opt)
		return segment.SEGInstanceUID(img, res, opt)
	}
	same := func(*segment.Image, *segment.Result, *segment.SEGOptions) {}
	seen := map[string]string{uid(same): "nothing"}
	for name, change := range map[string]func(*segment.Image, *segment.Result, *segment.SEGOptions){
		"source": func(i *segment.Image, _ *segment.Result, _ *segment.SEGOptions) { i.SOPInstanceUID += "1" },
		"model": func(_ *segment.Image, r *segment.Result, _ *segment.SEGOptions) {
			r.Model.Digest = "1" + r.Model.Digest
		},
		"config":    func(_ *segment.Image, r *segment.Result, _ *segment.SEGOptions) { r.ConfigDigest = "x" },
		"threshold": func(_ *segment.Image, r *segment.Result, _ *segment.SEGOptions) { r.SoftTissueThreshold = 0.95 },
		"device":    func(_ *segment.Image, r *segment.Result, _ *segment.SEGOptions) { r.Model.Device = "CUDA:0" },
		"dark":      func(_ *segment.Image, r *segment.Result, _ *segment.SEGOptions) { r.Dark.Digest = "d2" },
		"profile":   func(_ *segment.Image, _ *segment.Result, o *segment.SEGOptions) { o.Profile = segment.SEGStrict },
		"received": func(_ *segment.Image, _ *segment.Result, o *segment.SEGOptions) {
			o.Received = o.Received.Add(time.Microsecond)
		},
		"release": func(_ *segment.Image, _ *segment.Result, o *segment.SEGOptions) { o.Version = "1.2.4" },
		"serial":  func(_ *segment.Image, _ *segment.Result, o *segment.SEGOptions) { o.DeviceSerialNumber = "install-2" },
	} {
		got := uid(change)
		if got == "" || seen[got] != "" {
			t.Errorf("changing %s gave UID %q, as changing %s", name, got, seen[got])
		}
		seen[got] = name
	}
	if got := uid(func(_ *segment.Image, r *segment.Result, _ *segment.SEGOptions) { r.Masks.Bone[0] = true }); got != uid(same) {
		t.Error("a pixel changed the UID")
	}
}

// TestSEGRefuses: no byte is written, and the error names the attribute.
func TestSEGRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		source func(*iod.DataSet)
		change func(*segment.Image, *segment.Result, *segment.SEGOptions)
		want   string
	}{
		"profile": {nil, func(_ *segment.Image, _ *segment.Result, o *segment.SEGOptions) { o.Profile = "loose" }, "unknown profile"},
		"size":    {nil, func(_ *segment.Image, r *segment.Result, _ *segment.SEGOptions) { r.Rows = 4 }, "differ in size"},
		"mask":    {nil, func(_ *segment.Image, r *segment.Result, _ *segment.SEGOptions) { r.Masks.Bone = r.Masks.Bone[1:] }, "mask of 24 pixels"},
		"no mask": {nil, func(_ *segment.Image, r *segment.Result, _ *segment.SEGOptions) { r.Masks.HighPrecisionSoft = nil }, "mask of 0 pixels"},
		"vendor":  {nil, func(_ *segment.Image, _ *segment.Result, o *segment.SEGOptions) { o.Manufacturer = "" }, "Manufacturer"},
		"serial":  {nil, func(_ *segment.Image, _ *segment.Result, o *segment.SEGOptions) { o.DeviceSerialNumber = " " }, "DeviceSerialNumber"},
		"release": {nil, func(_ *segment.Image, _ *segment.Result, o *segment.SEGOptions) { o.Version = `1\2` }, "SoftwareVersions"},
		"model":   {nil, func(_ *segment.Image, r *segment.Result, _ *segment.SEGOptions) { r.Model.Name = "" }, "AlgorithmName"},
		"time": {nil, func(i *segment.Image, _ *segment.Result, o *segment.SEGOptions) {
			i.Received, o.Received = time.Time{}, time.Time{}
		}, "SeriesDate"},
		"study":       {func(d *iod.DataSet) { d.Remove(tag.StudyInstanceUID) }, nil, "StudyInstanceUID"},
		"series":      {func(d *iod.DataSet) { d.Remove(tag.SeriesInstanceUID) }, nil, "SeriesInstanceUID"},
		"source UID":  {nil, func(i *segment.Image, _ *segment.Result, _ *segment.SEGOptions) { i.SOPInstanceUID = "../x" }, "ReferencedSOPInstanceUID"},
		"empty class": {nil, func(i *segment.Image, _ *segment.Result, _ *segment.SEGOptions) { i.SOPClassUID = "" }, "ReferencedSOPClassUID"},
	} {
		t.Run(name, func(t *testing.T) {
			img, res, opt := segImage(t, segSource(5, 5, c.source)), crossResult(), segOptions("")
			if c.change != nil {
				c.change(img, res, &opt)
			}
			var out bytes.Buffer
			err := segment.WriteSEG(&out, img, res, opt)
			if err == nil || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
				t.Errorf("wrote %d bytes with error %v, want one naming %q", out.Len(), err, c.want)
			}
			if uid := segment.SEGInstanceUID(img, res, opt); uid != "" {
				t.Errorf("SEGInstanceUID is %q, want none", uid)
			}
		})
	}
}

// TestSEGPatientDataStaysOutOfErrors: an error about a copied value hides it.
func TestSEGPatientDataStaysOutOfErrors(t *testing.T) {
	img := segImage(t, segSource(5, 5, nil))
	for _, e := range img.Dataset.Elements {
		if e.Tag == tag.PatientName {
			e.Value, _ = dicom.NewValue([]string{strings.Repeat("Secret", 20000)})
		}
	}
	err := segment.WriteSEG(&bytes.Buffer{}, img, crossResult(), segOptions(""))
	var attribute *iod.AttributeError
	if !errors.As(err, &attribute) || attribute.Tag != tag.PatientName || strings.Contains(err.Error(), "Secret") {
		t.Errorf("error is %.80v", err)
	}
}

// TestSEGCopies: what comes from the source, and how.
func TestSEGCopies(t *testing.T) {
	type check struct{ path, want string }
	for name, c := range map[string]struct {
		source func(*iod.DataSet)
		image  func(*segment.Image)
		checks []check
	}{
		"right": {nil, nil, []check{
			{"ImageLaterality", "R"}, {"Laterality", "absent"}, {"PatientOrientation", `L\F`},
			{"SegmentSequence/AnatomicRegionSequence", "absent"},
		}},
		"both sides": {func(d *iod.DataSet) { d.Strings(tag.Laterality, "B") }, nil, []check{{"ImageLaterality", "absent"}}},
		"no side":    {func(d *iod.DataSet) { d.Strings(tag.Laterality) }, nil, []check{{"ImageLaterality", "absent"}}},
		"image side": {func(d *iod.DataSet) { d.Strings(tag.ImageLaterality, "L") }, nil, []check{{"ImageLaterality", "L"}}},
		"lossless":   {nil, nil, []check{{"LossyImageCompression", "00"}, {"LossyImageCompressionMethod", "absent"}}},
		"lossy once": {func(d *iod.DataSet) {
			d.Strings(tag.LossyImageCompression, "01")
			d.Strings(tag.LossyImageCompressionRatio, "10", "3")
			d.Strings(tag.LossyImageCompressionMethod, "ISO_10918_1", "ISO_15444_1")
		}, nil, []check{
			{"LossyImageCompression", "01"}, {"LossyImageCompressionRatio", `10\3`},
			{"LossyImageCompressionMethod", `ISO_10918_1\ISO_15444_1`},
		}},
		"lossy syntax": {nil, func(i *segment.Image) { i.TransferSyntaxUID = "1.2.840.10008.1.2.4.91" }, []check{
			{"LossyImageCompression", "01"}, {"LossyImageCompressionMethod", "ISO_15444_1"},
		}},
		"spacing": {nil, nil, []check{
			{"SharedFunctionalGroupsSequence/PixelMeasuresSequence/PixelSpacing", `0.2\0.25`},
			{"SharedFunctionalGroupsSequence/PlaneOrientationSequence/ImageOrientationPatient", `1\0\0\0\1\0`},
		}},
		"no spacing": {func(d *iod.DataSet) { d.Remove(tag.PixelSpacing) }, nil, []check{
			{"SharedFunctionalGroupsSequence/PixelMeasuresSequence/PixelSpacing", `1\1`},
		}},
		"own plane": {func(d *iod.DataSet) {
			d.Strings(tag.FrameOfReferenceUID, "1.2.3.9")
			d.Strings(tag.ImageOrientationPatient, "0", "1", "0", "0", "0", "-1")
			d.Strings(tag.ImagePositionPatient, "1", "2", "3")
		}, nil, []check{
			{"FrameOfReferenceUID", "1.2.3.9"},
			{"SharedFunctionalGroupsSequence/PlaneOrientationSequence/ImageOrientationPatient", `0\1\0\0\0\-1`},
			{"PerFrameFunctionalGroupsSequence/PlanePositionSequence/ImagePositionPatient", `1\2\3`},
		}},
		"broken frame of reference": {nil, func(i *segment.Image) {
			e, _ := dicom.NewElement(tag.FrameOfReferenceUID, []string{"none"})
			i.Dataset.Elements = append(i.Dataset.Elements, e)
		}, []check{{"FrameOfReferenceUID", iod.FrameOfReferenceUID("1.2.3.4.1")}}},
		"time zone": {func(d *iod.DataSet) { d.Strings(tag.TimezoneOffsetFromUTC, "-0400") }, nil, []check{
			{"ContentDate", "20260228"}, {"ContentTime", "230405.000678"}, {"TimezoneOffsetFromUTC", "-0400"},
		}},
		"UID with leading zero": {func(d *iod.DataSet) {
			d.Remove(tag.StudyInstanceUID)
		}, func(i *segment.Image) {
			e, _ := dicom.NewElement(tag.StudyInstanceUID, []string{"1.2.03.4"})
			i.Dataset.Elements, i.SOPInstanceUID = append(i.Dataset.Elements, e), "1.2.03.5"
		}, []check{
			{"StudyInstanceUID", "1.2.03.4"}, {"SourceImageSequence/ReferencedSOPInstanceUID", "1.2.03.5"},
		}},
		"too long accession number": {nil, func(i *segment.Image) {
			e, _ := dicom.NewElement(tag.AccessionNumber, []string{"12345678901234567890"})
			i.Dataset.Elements = append([]*dicom.Element{e}, i.Dataset.Elements...)
		}, []check{{"AccessionNumber", "12345678901234567890"}}},
		"invalid weight": {nil, func(i *segment.Image) {
			e, _ := dicom.NewElement(tag.PatientWeight, []string{"heavy"})
			i.Dataset.Elements = append([]*dicom.Element{e}, i.Dataset.Elements...)
		}, []check{{"PatientWeight", "absent"}}},
		"single frame": {nil, nil, []check{{"SourceImageSequence/ReferencedFrameNumber", "absent"}}},
	} {
		t.Run(name, func(t *testing.T) {
			img := segImage(t, segSource(5, 5, c.source))
			if c.image != nil {
				c.image(img)
			}
			got := parsePart10(t, part10Bytes(t, writeSEG(t, img, crossResult(), segOptions("")), "1.2", "1.2"))
			for _, check := range c.checks {
				if v := at(iod.NewSource(got), check.path); v != check.want {
					t.Errorf("%s is %q, want %q", check.path, v, check.want)
				}
			}
		})
	}
}

// TestSEGOfMultiFrame refers to the frame that was segmented.
func TestSEGOfMultiFrame(t *testing.T) {
	img := segImage(t, segSource(5, 5, func(d *iod.DataSet) {
		d.Strings(tag.SOPClassUID, rfStorage)
		d.Ints(tag.NumberOfFrames, 7)
	}))
	res := crossResult()
	res.Frame, res.Frames = 3, 7
	got := iod.NewSource(parsePart10(t, part10Bytes(t, writeSEG(t, img, res, segOptions("")), "1.2", "1.2")))
	for _, path := range []string{
		"SourceImageSequence/ReferencedFrameNumber",
		"PerFrameFunctionalGroupsSequence/DerivationImageSequence/SourceImageSequence/ReferencedFrameNumber",
	} {
		if v := at(got, path); v != "3" {
			t.Errorf("%s is %q, want 3", path, v)
		}
	}
}

// TestSEGAnatomy: every segment but the open beam names the region and its side.
func TestSEGAnatomy(t *testing.T) {
	img := segImage(t, segSource(5, 5, nil))
	got := iod.NewSource(parsePart10(t, part10Bytes(t, writeSEG(t, img, crossResult(), segOptions("")), "1.2", "1.2")))
	for i, segment := range got.Items(tag.SegmentSequence) {
		want := []string{"72696002", "24028007"}
		if i == 0 {
			want = []string{"absent", "absent"}
		}
		for k, path := range []string{"AnatomicRegionSequence/CodeValue", "AnatomicRegionSequence/AnatomicRegionModifierSequence/CodeValue"} {
			if v := at(segment, path); v != want[k] {
				t.Errorf("segment %d: %s is %q, want %q", i+1, path, v, want[k])
			}
		}
	}
}

// at follows keywords through the first items of sequences.
func at(s iod.Source, path string) string {
	keyword, rest, nested := strings.Cut(path, "/")
	info, err := tag.FindByKeyword(keyword)
	if err != nil {
		return err.Error()
	}
	if nested {
		items := s.Items(info.Tag)
		if len(items) == 0 {
			return "absent"
		}
		return at(items[0], rest)
	}
	if !s.Has(info.Tag) {
		return "absent"
	}
	return strings.Join(s.Strings(info.Tag), `\`)
}

func valueOf(t *testing.T, dataSet []byte, want tag.Tag) string {
	t.Helper()
	return iod.NewSource(parsePart10(t, part10Bytes(t, dataSet, "1.2", "1.2"))).String(want)
}
