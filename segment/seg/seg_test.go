package seg_test

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
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/seg"
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

func mask(rows ...string) picture.Mask {
	var m picture.Mask
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
	b := part10Bytes(t, dataSet, seg.SOPClassUID, "1.2")
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
	again := writeSEG(t, segImage(t, segSource(37, 45, nil)), segResult(37, 45), segOptions(seg.Display))
	if !bytes.Equal(first, again) {
		t.Error("two runs gave different bytes")
	}
	uid := uidOf(t, img, segResult(37, 45), segOptions(""))
	if got := valueOf(t, first, tag.SOPInstanceUID); got != uid || !strings.HasPrefix(uid, "2.25.") || len(uid) > 44 {
		t.Errorf("SOP Instance UID is %q, want %q", got, uid)
	}
	later := segOptions("")
	later.Received = time.Time{}
	if got := uidOf(t, img, segResult(37, 45), later); got != uid {
		t.Errorf("with the image's time the UID is %q, want %q", got, uid)
	}
}

// TestSEGUIDChanges: whatever changes what stands before the pixels changes the
// UID, the pixels themselves do not.
func TestSEGUIDChanges(t *testing.T) {
	uid := func(change func(*decode.Image, *segment.Result, *seg.Options)) string {
		img, res, opt := segImage(t, segSource(5, 5, nil)), crossResult(), segOptions("")
		change(img, res, &opt)
		return uidOf(t, img, res, opt)
	}
	same := func(*decode.Image, *segment.Result, *seg.Options) {}
	seen := map[string]string{uid(same): "nothing"}
	for name, change := range map[string]func(*decode.Image, *segment.Result, *seg.Options){
		"source": func(i *decode.Image, _ *segment.Result, _ *seg.Options) { i.SOPInstanceUID += "1" },
		"model": func(_ *decode.Image, r *segment.Result, _ *seg.Options) {
			r.Model.Digest = "1" + r.Model.Digest
		},
		"config":    func(_ *decode.Image, r *segment.Result, _ *seg.Options) { r.ConfigDigest = "x" },
		"threshold": func(_ *decode.Image, r *segment.Result, _ *seg.Options) { r.SoftTissueThreshold = 0.95 },
		"device":    func(_ *decode.Image, r *segment.Result, _ *seg.Options) { r.Model.Device = "CUDA:0" },
		"dark":      func(_ *decode.Image, r *segment.Result, _ *seg.Options) { r.Dark.Digest = "d2" },
		"field":     func(_ *decode.Image, r *segment.Result, _ *seg.Options) { r.FieldRecord.Model = "f1" },
		"profile":   func(_ *decode.Image, _ *segment.Result, o *seg.Options) { o.Profile = seg.Strict },
		"received": func(_ *decode.Image, _ *segment.Result, o *seg.Options) {
			o.Received = o.Received.Add(time.Microsecond)
		},
		"release": func(_ *decode.Image, _ *segment.Result, o *seg.Options) { o.Version = "1.2.4" },
		"serial":  func(_ *decode.Image, _ *segment.Result, o *seg.Options) { o.DeviceSerialNumber = "install-2" },
	} {
		got := uid(change)
		if got == "" || seen[got] != "" {
			t.Errorf("changing %s gave UID %q, as changing %s", name, got, seen[got])
		}
		seen[got] = name
	}
	if got := uid(func(_ *decode.Image, r *segment.Result, _ *seg.Options) { r.Masks.Bone[0] = true }); got != uid(same) {
		t.Error("a pixel changed the UID")
	}
}

// TestSEGRefuses: nothing is made that cannot be written, and the error names the attribute.
func TestSEGRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		source func(*iod.DataSet)
		change func(*decode.Image, *segment.Result, *seg.Options)
		want   string
	}{
		"profile": {nil, func(_ *decode.Image, _ *segment.Result, o *seg.Options) { o.Profile = "loose" }, "unknown profile"},
		"size":    {nil, func(_ *decode.Image, r *segment.Result, _ *seg.Options) { r.Rows = 4 }, "differ in size"},
		"mask":    {nil, func(_ *decode.Image, r *segment.Result, _ *seg.Options) { r.Masks.Bone = r.Masks.Bone[1:] }, "mask of 24 pixels"},
		"no mask": {nil, func(_ *decode.Image, r *segment.Result, _ *seg.Options) { r.Masks.HighPrecisionSoft = nil }, "mask of 0 pixels"},
		"vendor":  {nil, func(_ *decode.Image, _ *segment.Result, o *seg.Options) { o.Manufacturer = "" }, "Manufacturer"},
		"serial":  {nil, func(_ *decode.Image, _ *segment.Result, o *seg.Options) { o.DeviceSerialNumber = " " }, "DeviceSerialNumber"},
		"release": {nil, func(_ *decode.Image, _ *segment.Result, o *seg.Options) { o.Version = `1\2` }, "SoftwareVersions"},
		"model":   {nil, func(_ *decode.Image, r *segment.Result, _ *seg.Options) { r.Model.Name = "" }, "AlgorithmName"},
		"time": {nil, func(i *decode.Image, _ *segment.Result, o *seg.Options) {
			i.Received, o.Received = time.Time{}, time.Time{}
		}, "SeriesDate"},
		"study":       {func(d *iod.DataSet) { d.Remove(tag.StudyInstanceUID) }, nil, "StudyInstanceUID"},
		"series":      {func(d *iod.DataSet) { d.Remove(tag.SeriesInstanceUID) }, nil, "SeriesInstanceUID"},
		"source UID":  {nil, func(i *decode.Image, _ *segment.Result, _ *seg.Options) { i.SOPInstanceUID = "../x" }, "ReferencedSOPInstanceUID"},
		"empty class": {nil, func(i *decode.Image, _ *segment.Result, _ *seg.Options) { i.SOPClassUID = "" }, "ReferencedSOPClassUID"},
	} {
		t.Run(name, func(t *testing.T) {
			img, res, opt := segImage(t, segSource(5, 5, c.source)), crossResult(), segOptions("")
			if c.change != nil {
				c.change(img, res, &opt)
			}
			if _, err := seg.New(img, res, opt); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one naming %q", err, c.want)
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
	_, err := seg.New(img, crossResult(), segOptions(""))
	var attribute *iod.AttributeError
	if !errors.As(err, &attribute) || attribute.Tag != tag.PatientName || strings.Contains(err.Error(), "Secret") {
		t.Errorf("error is %.80v", err)
	}
}

func valueOf(t *testing.T, dataSet []byte, want tag.Tag) string {
	t.Helper()
	return iod.NewSource(parsePart10(t, part10Bytes(t, dataSet, "1.2", "1.2"))).String(want)
}
