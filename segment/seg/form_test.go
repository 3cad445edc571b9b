package seg_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/seg"
)

// formResult is segResult with probabilities, and with a field that leaves out the
// first row of pixels when clipped.
func formResult(rows, cols int, clipped bool) *segment.Result {
	r := segResult(rows, cols)
	random := rand.New(rand.NewPCG(7, 7))
	p := make([]float32, picture.Classes*picture.Side*picture.Side)
	for i := range p {
		p[i] = random.Float32()
	}
	r.Probabilities = picture.NewGeometry(rows, cols).Map(p).Upsampler()
	r.Field = make(picture.Mask, rows*cols)
	for i := range r.Field {
		r.Field[i] = !clipped || i >= cols
		for _, m := range []picture.Mask{r.Masks.Open, r.Masks.Soft, r.Masks.Bone, r.Masks.HighPrecisionSoft} {
			m[i] = m[i] && r.Field[i]
		}
	}
	return r
}

// wantPixels are the bytes of the pixel data, made another way than the writer's.
func wantPixels(r *segment.Result, f seg.Form) []byte {
	n := r.Rows * r.Columns
	if f == seg.Labelmap {
		out := make([]byte, n)
		for i := range out {
			switch {
			case r.Masks.Open[i]:
				out[i] = 1
			case r.Masks.Soft[i]:
				out[i] = 2
			case r.Masks.Bone[i]:
				out[i] = 3
			}
		}
		return out
	}
	out := make([]byte, picture.Classes*n)
	for y := range r.Rows {
		row := picture.NewRow(r.Columns)
		r.Probabilities.Row(y, row)
		for c := range row {
			for x, p := range row[c] {
				if i := y*r.Columns + x; r.Field[i] {
					out[c*n+i] = uint8(math.Round(float64(p) * 255))
				}
			}
		}
	}
	return out
}

func formOptions(f seg.Form, p seg.Profile) seg.Options {
	opt := segOptions(p)
	opt.Form = f
	return opt
}

// TestFormPixels: a pixel is what it was, in every form, for every source and with an
// unexposed border.
func TestFormPixels(t *testing.T) {
	for _, c := range segCases {
		for _, f := range []seg.Form{seg.Fractional, seg.Labelmap} {
			for _, clipped := range []bool{false, true} {
				img, res := segImage(t, segSource(c.rows, c.cols, c.change)), formResult(c.rows, c.cols, clipped)
				b := writeSEG(t, img, res, formOptions(f, seg.Display))
				want := wantPixels(res, f)
				if got := b[len(b)-len(want)-len(want)%2:]; !bytes.Equal(got[:len(want)], want) {
					t.Errorf("%s %s clipped %v: pixel data differ", c.name, f, clipped)
				}
			}
		}
	}
}

// TestLabelmapBackground: the value 0 has an item and is declared as padding only where it
// occurs (PS3.3 C.8.20.2.3).
func TestLabelmapBackground(t *testing.T) {
	for _, clipped := range []bool{false, true} {
		img, res := segImage(t, segSource(10, 12, nil)), formResult(10, 12, clipped)
		opt := formOptions(seg.Labelmap, seg.Display)
		ds := parsePart10(t, part10Bytes(t, writeSEG(t, img, res, opt), seg.LabelmapSOPClassUID, uidOf(t, img, res, opt)))
		s := iod.NewSource(ds)
		items := s.Items(tag.SegmentSequence)
		if got := len(items) == 4 && s.Has(tag.PixelPaddingValue); got != clipped {
			t.Errorf("clipped %v: %d items, padding value %v", clipped, len(items), s.Has(tag.PixelPaddingValue))
		}
	}
}

// TestFormsDiffer: forms of one result are objects and series of their own.
func TestFormsDiffer(t *testing.T) {
	seen := map[string]bool{}
	img, res := segImage(t, segSource(10, 12, nil)), formResult(10, 12, false)
	for _, f := range []seg.Form{seg.Binary, seg.Fractional, seg.Labelmap} {
		s, err := seg.New(img, res, formOptions(f, seg.Display))
		if err != nil {
			t.Fatal(err)
		}
		for _, uid := range []string{s.UID(), s.SeriesInstanceUID()} {
			if seen[uid] {
				t.Errorf("%s: UID is that of another form", f)
			}
			seen[uid] = true
		}
	}
}

func TestFormRefused(t *testing.T) {
	img := segImage(t, segSource(10, 12, nil))
	for _, c := range []struct {
		form seg.Form
		want string
	}{{"SURFACE", "unknown form"}, {seg.Fractional, "without probabilities"}, {seg.Labelmap, "mask of 0 pixels"}} {
		if _, err := seg.New(img, segResult(10, 12), formOptions(c.form, seg.Display)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.form, err, c.want)
		}
	}
}

// TestFractionalIsClean has dciodvfy judge probabilities. It knows no label maps.
func TestFractionalIsClean(t *testing.T) {
	dciodvfy := judge(t, "dciodvfy")
	for _, c := range segCases {
		for _, p := range profiles() {
			img, res := segImage(t, segSource(c.rows, c.cols, c.change)), formResult(c.rows, c.cols, true)
			path := formFile(t, t.TempDir(), img, res, formOptions(seg.Fractional, p))
			if out, err := exec.Command(dciodvfy, path).CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "Segmentation" {
				t.Errorf("%s %s: %v\n%s", c.name, p, err, out)
			}
		}
	}
}

func formFile(t *testing.T, dir string, img *decode.Image, res *segment.Result, opt seg.Options) string {
	t.Helper()
	s, err := seg.New(img, res, opt)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, string(opt.Form)+".dcm")
	writeFile(t, path, part10Bytes(t, writeSEG(t, img, res, opt), s.SOPClassUID(), s.UID()))
	return path
}

// formReaders compares what pydicom and highdicom read with what was written, for
// pairs of files.
const formReaders = `
import sys, numpy as np, pydicom, highdicom as hd
for seg, raw in zip(sys.argv[1::2], sys.argv[2::2]):
    ds = pydicom.dcmread(seg)
    want = np.fromfile(raw, np.uint8).reshape(int(ds.NumberOfFrames), ds.Rows, ds.Columns)
    assert (ds.pixel_array.reshape(want.shape) == want).all(), seg + ": pydicom reads other pixels"
    s = hd.seg.segread(seg)
    labels = [d.SegmentLabel for d in ds.SegmentSequence if d.SegmentNumber > 0]
    assert labels == ["Open beam", "Soft tissue", "Bone"], labels
    source = s.get_source_image_uids()[0][2]
    got = s.get_pixels_by_source_instance([source], segment_numbers=[1, 2, 3], ignore_spatial_locations=False, rescale_fractional=False)
    for n in (1, 2, 3):
        expected = (want[0] == n) if ds.SegmentationType == "LABELMAP" else want[n - 1]
        assert (got[0, ..., n - 1] == expected).all(), seg + ": highdicom reads other pixels of segment %d" % n
    print("read", seg)
`

func TestFormReaders(t *testing.T) {
	args := []string{"-c", formReaders}
	for _, c := range segCases {
		for _, f := range []seg.Form{seg.Fractional, seg.Labelmap} {
			dir := t.TempDir()
			img, res := segImage(t, segSource(c.rows, c.cols, c.change)), formResult(c.rows, c.cols, c.rows > 5)
			raw := filepath.Join(dir, "raw")
			writeFile(t, raw, wantPixels(res, f))
			args = append(args, formFile(t, dir, img, res, formOptions(f, seg.Display)), raw)
		}
	}
	mustReadAll(t, args, 2*len(segCases))
}
