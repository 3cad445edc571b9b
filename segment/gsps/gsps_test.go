package gsps_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/gsps"
	"dicomnode/segment/picture"
	"dicomnode/segment/seg"
	"dicomnode/segment/segmenttest"
)

var left = dicomtest.Attribute{Tag: 0x00200062, VR: "CS", Value: "L"}

func made(t testing.TB, img *decode.Image, res *segment.Result) []byte {
	t.Helper()
	s, err := gsps.New(img, res, segmenttest.Product, segmenttest.Created)
	if err != nil {
		t.Fatal(err)
	}
	return segmenttest.File(t, gsps.SOPClassUID, s)
}

// TestStateIsClean: dciodvfy wants a side of every image. One that the source does not
// give is not made up; the complaint about that is known.
func TestStateIsClean(t *testing.T) {
	for _, size := range [][2]int{{64, 48}, {37, 45}, {900, 3}, {2049, 1501}} {
		img, res := segmenttest.Radiograph(t, size[0], size[1], left)
		segmenttest.MustBeClean(t, "GrayscaleSoftcopyPresentationState", made(t, img, res))
	}
	img, res := segmenttest.Radiograph(t, 40, 30)
	segmenttest.MustBeClean(t, "GrayscaleSoftcopyPresentationState", made(t, img, res), "<Laterality>")
}

// TestOverlaysAreTheOutlines unpacks each overlay bit by bit (PS3.5 8.1.2).
func TestOverlaysAreTheOutlines(t *testing.T) {
	const rows, cols = 37, 45
	img, res := segmenttest.Radiograph(t, rows, cols, left)
	b := made(t, img, res)
	ds, err := dicom.Parse(bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	masks := []picture.Mask{res.Masks.Open, res.Masks.Soft, res.Masks.Bone, res.Masks.HighPrecisionSoft}
	for i := range seg.Regions() {
		e, err := ds.FindElementByTag(tag.Tag{Group: 0x6000 + uint16(2*i), Element: 0x3000})
		if err != nil {
			t.Fatal(err)
		}
		packed, _ := e.Value.GetValue().([]byte)
		for k, in := range masks[i] {
			want := in && besideGap(masks[i], rows, cols, k/cols, k%cols)
			if got := packed[k/8]>>(k%8)&1 == 1; got != want {
				t.Fatalf("region %d: bit %d is %v, want %v", i+1, k, got, want)
			}
		}
	}
}

// besideGap: one of the four pixels beside r, c lies in the frame and not in the mask.
func besideGap(m picture.Mask, rows, cols, r, c int) bool {
	return r > 0 && !m[(r-1)*cols+c] || r+1 < rows && !m[(r+1)*cols+c] ||
		c > 0 && !m[r*cols+c-1] || c+1 < cols && !m[r*cols+c+1]
}

// TestDisplayIsTheImages: the grey scale is that of the image's header.
func TestDisplayIsTheImages(t *testing.T) {
	img, res := segmenttest.Radiograph(t, 40, 30, left,
		dicomtest.Attribute{Tag: 0x00281050, VR: "DS", Value: "2000"},
		dicomtest.Attribute{Tag: 0x00281051, VR: "DS", Value: "4000"},
		dicomtest.Attribute{Tag: 0x20500020, VR: "CS", Value: "INVERSE"})
	b := made(t, img, res)
	ds, err := dicom.Parse(bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := iod.NewSource(ds)
	voi := s.Items(tag.SoftcopyVOILUTSequence)
	if len(voi) != 1 || voi[0].String(tag.WindowCenter) != "2000" || voi[0].String(tag.WindowWidth) != "4000" {
		t.Errorf("VOI LUT: %d items", len(voi))
	}
	if got := s.String(tag.PresentationLUTShape); got != "INVERSE" {
		t.Errorf("Presentation LUT Shape %q, want INVERSE", got)
	}
}

// TestLookUpTables: the tables of the image are those of the state, in the VR of the image.
func TestLookUpTables(t *testing.T) {
	attribute := func(t uint32, vr string, v any) dicomtest.Attribute {
		return dicomtest.Attribute{Tag: t, VR: vr, Value: v}
	}
	descriptor := attribute(0x00283002, "US", []uint16{2, 65535, 16})
	signed := attribute(0x00283002, "SS", []uint16{2, 65535, 16}) // its first input is -1
	kind := attribute(0x00283004, "LO", "OD")
	for name, c := range map[string]struct {
		sequence    uint32
		items       [][]dicomtest.Attribute
		first, data any
		fails       bool
	}{
		"modality in US": {0x00283000, [][]dicomtest.Attribute{{descriptor, kind, attribute(0x00283006, "US", []uint16{65535, 1})}}, []int{2, 65535, 16}, []int{65535, 1}, false},
		"modality in OW": {0x00283000, [][]dicomtest.Attribute{{descriptor, kind, attribute(0x00283006, "OW", []byte{255, 255, 1, 0})}}, []int{2, 65535, 16}, []byte{255, 255, 1, 0}, false},
		"no type":        {0x00283000, [][]dicomtest.Attribute{{signed, attribute(0x00283006, "OW", []byte{255, 255, 1, 0})}}, []int{2, -1, 16}, []byte{255, 255, 1, 0}, false},
		"VOI in OW":      {0x00283010, [][]dicomtest.Attribute{{signed, attribute(0x00283006, "OW", []byte{255, 255, 1, 0})}}, []int{2, -1, 16}, []byte{255, 255, 1, 0}, false},
		"long explanation": {0x00283010, [][]dicomtest.Attribute{{descriptor, attribute(0x00283003, "LO", strings.Repeat("x", 66)),
			attribute(0x00283006, "US", []uint16{65535, 1})}}, []int{2, 65535, 16}, []int{65535, 1}, false},
		"no descriptor": {0x00283000, [][]dicomtest.Attribute{{kind, attribute(0x00283006, "US", []uint16{65535, 1})}}, nil, nil, true},
		"no data":       {0x00283010, [][]dicomtest.Attribute{{descriptor}}, nil, nil, true},
		"data in OB":    {0x00283010, [][]dicomtest.Attribute{{descriptor, attribute(0x00283006, "OB", []byte{255, 1})}}, nil, nil, true},
	} {
		img, res := segmenttest.Radiograph(t, 40, 30, left, dicomtest.Attribute{Tag: c.sequence, VR: "SQ", Value: c.items})
		if c.fails {
			if _, err := gsps.New(img, res, segmenttest.Product, segmenttest.Created); err == nil || !strings.Contains(err.Error(), "LUT") {
				t.Errorf("%s: error %v, want one that names the attribute", name, err)
			}
			continue
		}
		b := made(t, img, res)
		segmenttest.MustBeClean(t, "GrayscaleSoftcopyPresentationState", b)
		lut := tables(t, b, c.sequence == 0x00283010)
		for at, want := range map[tag.Tag]any{tag.LUTDescriptor: c.first, tag.LUTData: c.data} {
			if e, err := lut.FindElementByTag(at); err != nil || !cmp.Equal(e.Value.GetValue(), want) {
				t.Errorf("%s: %v is not %v", name, at, want)
			}
		}
	}
}

// tables is the first table of a state.
func tables(t *testing.T, b []byte, voi bool) *dicom.Dataset {
	t.Helper()
	ds, err := dicom.Parse(bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	state := &decode.Image{Dataset: ds}
	items := state.Items(tag.ModalityLUTSequence)
	if voi {
		if softcopy := state.Items(tag.SoftcopyVOILUTSequence); len(softcopy) == 1 {
			items = (&decode.Image{Dataset: *softcopy[0]}).Items(tag.VOILUTSequence)
		}
	}
	if len(items) != 1 {
		t.Fatalf("%d tables, want 1", len(items))
	}
	return items[0]
}

// TestGreyScale: the rescaling is complete or absent, windows are copied, and pixels that are
// not square are shown so.
func TestGreyScale(t *testing.T) {
	const slope, intercept, kind, center, width, ratio, spacing = 0x00281053, 0x00281052, 0x00281054, 0x00281050, 0x00281051, 0x00280034, 0x00280030
	vrs := map[uint32]string{slope: "DS", intercept: "DS", kind: "LO", center: "DS", width: "DS", ratio: "IS", spacing: "DS"}
	for name, c := range map[string]struct {
		class        string
		header, want map[uint32]string
	}{
		"nothing":       {"", nil, map[uint32]string{slope: "", intercept: "", kind: "", center: "", 0x00700102: `1\1`}},
		"no type":       {"", map[uint32]string{slope: "2", intercept: "-5"}, map[uint32]string{slope: "2", intercept: "-5", kind: "US"}},
		"slope alone":   {"", map[uint32]string{slope: "2"}, map[uint32]string{slope: "2", intercept: "0", kind: "US"}},
		"all three":     {"", map[uint32]string{slope: "2", intercept: "3", kind: "OD"}, map[uint32]string{slope: "2", intercept: "3", kind: "OD"}},
		"type alone":    {"", map[uint32]string{kind: "OD"}, map[uint32]string{slope: "", intercept: "", kind: ""}},
		"empty":         {"", map[uint32]string{slope: "", intercept: "", center: "", width: ""}, map[uint32]string{slope: "", intercept: "", center: ""}},
		"long slope":    {"", map[uint32]string{slope: "0.33333333333333333333", intercept: "0"}, map[uint32]string{slope: "0.33333333333333"}},
		"long window":   {"", map[uint32]string{center: "100.000000000000001", width: "50"}, map[uint32]string{center: "100", width: "50"}},
		"fluoroscopy":   {uid.XRayRadiofluoroscopicImageStorage, map[uint32]string{slope: "2", intercept: "3"}, map[uint32]string{slope: "", intercept: "", kind: ""}},
		"tall pixels":   {"", map[uint32]string{ratio: `2\1`}, map[uint32]string{0x00700102: `2\1`}},
		"no ratio":      {"", map[uint32]string{ratio: `0\1`}, map[uint32]string{0x00700102: `1\1`}},
		"spacing first": {"", map[uint32]string{ratio: `2\1`, spacing: `0.2\0.1`}, map[uint32]string{0x00700102: "", 0x00700101: `0.2\0.1`}},
	} {
		extra := []dicomtest.Attribute{left}
		for at, v := range c.header {
			extra = append(extra, dicomtest.Attribute{Tag: at, VR: vrs[at], Value: v})
		}
		img, res := segmenttest.Radiograph(t, 40, 30, extra...)
		if c.class != "" {
			img.SOPClassUID = c.class
			img.Dataset.Elements = slices.DeleteFunc(img.Dataset.Elements, func(e *dicom.Element) bool { return e.Tag == presentationIntent })
		}
		b := made(t, img, res)
		if c.class == "" {
			segmenttest.MustBeClean(t, "GrayscaleSoftcopyPresentationState", b)
		}
		got := flat(t, b)
		for at, want := range c.want {
			if got[part10.Tag(at)] != want {
				t.Errorf("%s: %v is %q, want %q", name, part10.Tag(at), got[part10.Tag(at)], want)
			}
		}
	}
}

var presentationIntent = tag.Tag{Group: 0x0008, Element: 0x0068}

// flat are the values of a state and of the items of its sequences.
func flat(t *testing.T, b []byte) map[part10.Tag]string {
	t.Helper()
	ds, err := dicom.Parse(bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[part10.Tag]string{}
	for e := range ds.FlatIterator() {
		if v, ok := e.Value.GetValue().([]string); ok {
			all[part10.Tag(uint32(e.Tag.Group)<<16|uint32(e.Tag.Element))] = strings.Join(v, `\`)
		}
	}
	return all
}
