package seg_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/codec"
	"dicomnode/internal/codec/codectest"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/iod"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/seg"
)

// judge returns the path of an outside program, or skips.
func judge(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(name + " is not installed")
	}
	return path
}

// segCases are source images that differ in what a segmentation copies.
var segCases = []struct {
	name       string
	rows, cols int
	change     func(*iod.DataSet)
}{
	{"cr", 40, 48, nil},
	{"cr odd", 37, 45, nil},
	{"cr odd rows", 38, 45, nil},
	{"cr tiny", 5, 5, nil},
	{"cr one pixel", 1, 1, nil},
	{"cr bare", 40, 48, func(d *iod.DataSet) {
		without(d, tag.BodyPartExamined, tag.Laterality, tag.PatientOrientation, tag.PixelSpacing, tag.Manufacturer,
			tag.InstitutionName, tag.StationName, tag.ManufacturerModelName, tag.DeviceSerialNumber, tag.SoftwareVersions,
			tag.StudyDescription, tag.IssuerOfPatientID, tag.PatientAge, tag.PatientSize, tag.PatientWeight,
			tag.SpecificCharacterSet, tag.PatientName)
		d.Strings(tag.PatientName)
		d.Strings(tag.PatientBirthDate)
		d.Strings(tag.PatientSex)
	}},
	{"cr empty orientation and laterality", 40, 48, func(d *iod.DataSet) {
		d.Strings(tag.PatientOrientation)
		d.Strings(tag.Laterality)
	}},
	{"cr lossy in another time zone", 40, 48, func(d *iod.DataSet) {
		d.Strings(tag.TimezoneOffsetFromUTC, "-0400")
		d.Strings(tag.LossyImageCompression, "01")
		d.Strings(tag.LossyImageCompressionRatio, "12.5")
		d.Strings(tag.LossyImageCompressionMethod, "ISO_10918_1")
	}},
	{"dx for presentation", 64, 50, dx(dxPresentationStorage)},
	{"dx for processing", 50, 64, dx(dxProcessingStorage)},
	{"dx with frame of reference", 64, 48, func(d *iod.DataSet) {
		dx(dxPresentationStorage)(d)
		d.Strings(tag.FrameOfReferenceUID, "1.2.3.4.9")
		d.Strings(tag.PositionReferenceIndicator)
	}},
}

// dx turns the source into a digital X-ray image.
func dx(class string) func(*iod.DataSet) {
	return func(d *iod.DataSet) {
		without(d, tag.Laterality, tag.PixelSpacing)
		d.Strings(tag.SOPClassUID, class)
		d.Strings(tag.Modality, "DX")
		d.Strings(tag.ImageLaterality, "L")
		d.Strings(tag.ImagerPixelSpacing, "0.139", "0.139")
		d.Sequence(tag.AnatomicRegionSequence, iod.Code{Value: "74670003", Scheme: "SCT", Meaning: "Wrist joint"}.Item())
	}
}

func profiles() []seg.Profile {
	return []seg.Profile{seg.Display, seg.Strict}
}

// TestSEGIsClean has dciodvfy find neither errors nor warnings.
func TestSEGIsClean(t *testing.T) {
	dciodvfy := judge(t, "dciodvfy")
	for _, c := range segCases {
		for _, p := range profiles() {
			t.Run(c.name+"/"+string(p), func(t *testing.T) {
				img := segImage(t, segSource(c.rows, c.cols, c.change))
				mustBeClean(t, dciodvfy, segFile(t, img, segResult(c.rows, c.cols), segOptions(p)))
			})
		}
	}
}

func mustBeClean(t *testing.T, dciodvfy, path string) {
	t.Helper()
	out, err := exec.Command(dciodvfy, path).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "Segmentation" {
		t.Errorf("dciodvfy: %v\n%s", err, out)
	}
}

// segFile writes a segmentation as a Part 10 file and returns its path.
func segFile(t *testing.T, img *decode.Image, res *segment.Result, opt seg.Options) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "seg.dcm")
	uid := uidOf(t, img, res, opt)
	writeFile(t, path, part10Bytes(t, writeSEG(t, img, res, opt), seg.SOPClassUID, uid))
	return path
}

func mustFit(t *testing.T, dcentvfy, source, seg string) {
	t.Helper()
	if out, err := exec.Command(dcentvfy, source, seg).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("dcentvfy: %v\n%s", err, out)
	}
}

// TestSEGFitsItsSource has dcentvfy compare patient and study of both.
func TestSEGFitsItsSource(t *testing.T) {
	dcentvfy := judge(t, "dcentvfy")
	for _, c := range segCases {
		t.Run(c.name, func(t *testing.T) {
			d := segSource(c.rows, c.cols, c.change)
			img := segImage(t, d)
			source := filepath.Join(t.TempDir(), "source.dcm")
			writeSource(t, source, d, c.rows, c.cols)
			mustFit(t, dcentvfy, source, segFile(t, img, segResult(c.rows, c.cols), segOptions(seg.Display)))
		})
	}
}

// TestSEGOfRealImages: real files as sources. The last two carry names and numbers
// that break their VR, left by whoever de-identified them; the segmentation keeps
// them, so there only the match with the source is judged.
func TestSEGOfRealImages(t *testing.T) {
	dciodvfy, dcentvfy := judge(t, "dciodvfy"), judge(t, "dcentvfy")
	for _, name := range []string{"RG2_UNC.dcm", "RG3_UNC.dcm", "RG3_BigEndian.dcm", "RG3_ImplicitLE.dcm", "canon_966_fixed.dcm", "kodak_hand_J2KR.dcm"} {
		for _, p := range profiles() {
			t.Run(name+"/"+string(p), func(t *testing.T) {
				source := dicomtest.Shared(t, "dicom", name)
				img := readReal(t, source)
				seg := segFile(t, img, segResult(img.Rows, img.Columns), segOptions(p))
				if strings.HasPrefix(name, "RG") {
					mustBeClean(t, dciodvfy, seg)
				}
				mustFit(t, dcentvfy, source, seg)
			})
		}
	}
}

func readReal(t *testing.T, path string) *decode.Image {
	t.Helper()
	img, err := decode.ReadFile(t.Context(), path, codectest.Open(t, codec.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	img.Received = received
	return img
}
