package gsps_test

import (
	"bytes"
	"testing"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/iod"
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
