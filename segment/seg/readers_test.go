package seg_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/segment/picture"
)

// readers compares what three independent readers make of segmentations with the masks that
// were written, given as one byte per pixel: triples of source, segmentation and masks.
// dcmqi, like 3D Slicer, needs the planes of the display profile.
const readers = `
import gzip, os, subprocess, sys, tempfile, numpy as np, pydicom, highdicom as hd

def nrrd(path):
    head, data = open(path, "rb").read().split(b"\n\n", 1)
    fields = dict(l.split(": ", 1) for l in head.decode().splitlines() if ": " in l)
    cols, rows, _ = map(int, fields["sizes"].split())
    return np.frombuffer(gzip.decompress(data), "<i2").reshape(rows, cols)

dcmqi = os.path.join(os.path.dirname(sys.executable), "segimage2itkimage")
for source, seg, raw in zip(sys.argv[1::3], sys.argv[2::3], sys.argv[3::3]):
    ds = pydicom.dcmread(seg)
    want = np.fromfile(raw, np.uint8).reshape(ds.NumberOfFrames, ds.Rows, ds.Columns)
    assert (ds.pixel_array.reshape(want.shape) == want).all(), seg + ": pydicom reads other masks"
    uid = pydicom.dcmread(source, stop_before_pixels=True).SOPInstanceUID
    got = hd.seg.segread(seg).get_pixels_by_source_instance([uid], ignore_spatial_locations=False)
    assert (np.moveaxis(got[0], -1, 0) == want).all(), seg + ": highdicom reads other masks"
    if "FrameOfReferenceUID" in ds:
        with tempfile.TemporaryDirectory() as out:
            subprocess.run([dcmqi, "--inputDICOM", seg, "--outputDirectory", out, "--outputType", "nrrd", "-p", "s"], check=True, capture_output=True)
            for n, mask in enumerate(want, 1):
                path = os.path.join(out, "s-%d.nrrd" % n)
                image = nrrd(path) if os.path.exists(path) else np.zeros(mask.shape)
                assert ((image != 0) == (mask != 0)).all(), "%s: dcmqi reads another mask %d" % (seg, n)
    print("read", seg)
`

// TestSEGReaders needs a Python with pydicom, highdicom and dcmqi, named by the environment
// variable HIGHDICOM_PYTHON.
func TestSEGReaders(t *testing.T) {
	args := []string{"-c", readers}
	for _, c := range segCases {
		for _, p := range profiles() {
			d, res := segSource(c.rows, c.cols, c.change), segResult(c.rows, c.cols)
			dir := t.TempDir()
			source, raw := filepath.Join(dir, "source.dcm"), filepath.Join(dir, "masks")
			writeSource(t, source, d, c.rows, c.cols)
			writeFile(t, raw, bytesOf(res.Masks.Open, res.Masks.Soft, res.Masks.Bone, res.Masks.HighPrecisionSoft))
			args = append(args, source, segFile(t, segImage(t, d), res, segOptions(p)), raw)
		}
	}
	mustReadAll(t, args, len(segCases)*len(profiles()))
}

// mustReadAll has the Python of HIGHDICOM_PYTHON print a line for each of n files that it
// has read.
func mustReadAll(t *testing.T, args []string, n int) {
	t.Helper()
	python := os.Getenv("HIGHDICOM_PYTHON")
	if python == "" {
		if os.Getenv("REQUIRE_PEERS") == "1" {
			t.Fatal("HIGHDICOM_PYTHON is not set")
		}
		t.Skip("HIGHDICOM_PYTHON is not set")
	}
	out, err := exec.Command(python, args...).CombinedOutput()
	if read := strings.Count(string(out), "read "); err != nil || read != n || strings.Contains(string(out), "UserWarning") {
		t.Errorf("read %d of %d: %v\n%s", read, n, err, out)
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
