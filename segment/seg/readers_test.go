package seg_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/segment/picture"
)

// readers compares what two independent readers make of a segmentation with the
// masks that were written, given as one byte per pixel.
const readers = `
import sys, numpy as np, pydicom, highdicom as hd
source, seg, raw = sys.argv[1:4]
ds = pydicom.dcmread(seg)
want = np.fromfile(raw, np.uint8).reshape(ds.NumberOfFrames, ds.Rows, ds.Columns)
assert (ds.pixel_array.reshape(want.shape) == want).all(), "pydicom reads other masks"
uid = pydicom.dcmread(source, stop_before_pixels=True).SOPInstanceUID
got = hd.seg.segread(seg).get_pixels_by_source_instance([uid], ignore_spatial_locations=False)
assert (np.moveaxis(got[0], -1, 0) == want).all(), "highdicom reads other masks"
`

// TestSEGReaders needs a Python with pydicom and highdicom, named by the
// environment variable HIGHDICOM_PYTHON.
func TestSEGReaders(t *testing.T) {
	python := os.Getenv("HIGHDICOM_PYTHON")
	if python == "" {
		t.Skip("HIGHDICOM_PYTHON is not set")
	}
	for _, c := range segCases {
		for _, p := range profiles() {
			t.Run(c.name+"/"+string(p), func(t *testing.T) {
				d, res := segSource(c.rows, c.cols, c.change), segResult(c.rows, c.cols)
				img := segImage(t, d)
				dir := t.TempDir()
				source, raw := filepath.Join(dir, "source.dcm"), filepath.Join(dir, "masks")
				writeSource(t, source, d, c.rows, c.cols)
				writeFile(t, raw, bytesOf(res.Masks.Open, res.Masks.Soft, res.Masks.Bone, res.Masks.HighPrecisionSoft))
				out, err := exec.Command(python, "-c", readers, source, segFile(t, img, res, segOptions(p)), raw).CombinedOutput()
				if err != nil || strings.Contains(string(out), "UserWarning") {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}

func bytesOf(masks ...picture.Mask) []byte {
	var b []byte
	for _, m := range masks {
		for _, v := range m {
			if v {
				b = append(b, 1)
			} else {
				b = append(b, 0)
			}
		}
	}
	return b
}
