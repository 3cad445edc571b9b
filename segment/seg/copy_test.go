package seg_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
)

// TestSEGCopies: what comes from the source, and how.
func TestSEGCopies(t *testing.T) {
	type check struct{ path, want string }
	for name, c := range map[string]struct {
		source func(*iod.DataSet)
		image  func(*decode.Image)
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
		"lossy syntax": {nil, func(i *decode.Image) { i.TransferSyntaxUID = uid.JPEG2000 }, []check{
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
		"broken frame of reference": {nil, func(i *decode.Image) {
			e, _ := dicom.NewElement(tag.FrameOfReferenceUID, []string{"none"})
			i.Dataset.Elements = append(i.Dataset.Elements, e)
		}, []check{{"FrameOfReferenceUID", iod.FrameOfReferenceUID("1.2.3.4.1")}}},
		"time zone": {func(d *iod.DataSet) { d.Strings(tag.TimezoneOffsetFromUTC, "-0400") }, nil, []check{
			{"ContentDate", "20260228"}, {"ContentTime", "230405.000678"}, {"TimezoneOffsetFromUTC", "-0400"},
		}},
		"UID with leading zero": {func(d *iod.DataSet) {
			d.Remove(tag.StudyInstanceUID)
		}, func(i *decode.Image) {
			e, _ := dicom.NewElement(tag.StudyInstanceUID, []string{"1.2.03.4"})
			i.Dataset.Elements, i.SOPInstanceUID = append(i.Dataset.Elements, e), "1.2.03.5"
		}, []check{
			{"StudyInstanceUID", "1.2.03.4"}, {"SourceImageSequence/ReferencedSOPInstanceUID", "1.2.03.5"},
		}},
		"too long accession number": {nil, func(i *decode.Image) {
			e, _ := dicom.NewElement(tag.AccessionNumber, []string{"12345678901234567890"})
			i.Dataset.Elements = append([]*dicom.Element{e}, i.Dataset.Elements...)
		}, []check{{"AccessionNumber", "12345678901234567890"}}},
		"invalid weight": {nil, func(i *decode.Image) {
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

// A class that has no frames is referred to as a whole, whatever Number of Frames it has.
func TestSEGOfASecondaryCaptureWithFrames(t *testing.T) {
	img := segImage(t, segSource(5, 5, func(d *iod.DataSet) {
		d.Strings(tag.SOPClassUID, uid.SecondaryCaptureImageStorage)
		d.Ints(tag.NumberOfFrames, 3)
	}))
	res := crossResult()
	res.Frame, res.Frames, res.FrameReason = 2, 3, "the one that shows most"
	b := writeSEG(t, img, res, segOptions(""))
	got := iod.NewSource(parsePart10(t, part10Bytes(t, b, "1.2", "1.2")))
	if v := at(got, "SourceImageSequence/ReferencedFrameNumber"); v != "absent" {
		t.Errorf("Referenced Frame Number is %q, want none", v)
	}
	if !bytes.Contains(b, []byte("frame: 2 of 3, the one that shows most")) {
		t.Error("the SEG does not say which frame it is of")
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
