package outputs_test

import (
	"bytes"
	"io"
	"testing"

	"dicomnode/configs"
	"dicomnode/dicomnode/outputs"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment/segmenttest"
)

// TestFormsKeepUndecodableText: every form passes on text that nothing decodes byte by byte,
// in the character set of the source.
func TestFormsKeepUndecodableText(t *testing.T) {
	const declared, name = `ISO 2022 IR 100\ISO 2022 IR 165`, "Kim=\x1b$)E\xb0\xa1"
	for _, form := range allForms {
		_, res := segmented(t)
		img, _ := segmenttest.Radiograph(t, res.Rows, res.Columns,
			dicomtest.Attribute{Tag: 0x00080005, VR: "CS", Value: declared},
			dicomtest.Attribute{Tag: 0x00080090, VR: "PN", Value: name})
		img.Received = segmenttest.Created
		got := map[part10.Tag]string{}
		for e, err := range part10.Elements(bytesOf(t, outputs.New(site(), "1.2", img, res), form), uid.ExplicitVRLittleEndian) {
			if err != nil {
				t.Fatal(err)
			}
			got[e.Tag] = string(bytes.TrimRight(e.Value, " "))
		}
		if got[0x00080005] != declared || got[0x00080090] != name {
			t.Errorf("%s: name %q in %q", form, got[0x00080090], got[0x00080005])
		}
	}
}

// TestFormsReferToFrames: every form names the frame of an image of a multi-frame SOP class,
// and none of another (PS3.3 Table 10-3), whatever Number of Frames says.
func TestFormsReferToFrames(t *testing.T) {
	const frame = 7                                 // no segment has this number
	named := []byte("\x08\x00\x60\x11IS\x02\x007 ") // Referenced Frame Number (0008,1160)
	for _, c := range []struct {
		class string
		named bool
	}{
		{uid.DigitalXRayImageStorageForProcessing, false},
		{uid.XRayRadiofluoroscopicImageStorage, true},
	} {
		for _, form := range allForms {
			img, res := segmented(t)
			img.SOPClassUID = c.class
			res.Frame, res.Frames = frame, 9
			data := bytesOf(t, outputs.New(site(), "1.2", img, res), form)
			if got := bytes.Contains(data, named); got != c.named {
				t.Errorf("%s of %s: names a frame: %v, want %v", form, uid.Name(c.class), got, c.named)
			}
		}
	}
}

// TestReportOfAFalseNumberOfFrames: dciodvfy accepts the report of an image that has two
// frames although its SOP class has one.
func TestReportOfAFalseNumberOfFrames(t *testing.T) {
	img, res := segmented(t)
	res.Frame, res.Frames = 2, 2
	o, err := outputs.New(site(), "1.2", img, res).Make(configs.SR)
	if err != nil {
		t.Fatal(err)
	}
	segmenttest.MustBeClean(t, "ComprehensiveSR", segmenttest.File(t, o.SOPClassUID, result{o}), "<99DICOMNODE>")
}

// result is an output as [segmenttest.File] writes it.
type result struct{ o outputs.Object }

func (r result) UID() string              { return r.o.SOPInstanceUID }
func (r result) Encode(w io.Writer) error { return r.o.Encode(w) }
