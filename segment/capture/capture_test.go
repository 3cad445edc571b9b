package capture_test

import (
	"bytes"
	"image/png"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/capture"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

var (
	created = time.Date(2026, 3, 1, 3, 4, 5, 0, time.UTC)
	product = iod.Equipment{Manufacturer: "dicomnode", ModelName: "XNet Node", SerialNumber: "node-1", SoftwareVersions: "1.2"}
)

// radiograph is a synthetic DX image, and regions as its picture shows them: a bar of bone
// in a limb.
func radiograph(t testing.TB, rows, cols int, extra ...dicomtest.Attribute) (*decode.Image, *segment.Result) {
	t.Helper()
	m := dicomtest.DX(rows, cols, 100)
	m.Extra = append(m.Extra, extra...)
	m.Extra = append(m.Extra,
		dicomtest.Attribute{Tag: 0x00080020, VR: "DA", Value: "20260228"},
		dicomtest.Attribute{Tag: 0x00080030, VR: "TM", Value: "101112"},
		dicomtest.Attribute{Tag: 0x00100010, VR: "PN", Value: "Test^Person"},
		dicomtest.Attribute{Tag: 0x00100020, VR: "LO", Value: "T-1"},
		dicomtest.Attribute{Tag: 0x00200010, VR: "SH", Value: "S1"},
		dicomtest.Attribute{Tag: 0x0020000D, VR: "UI", Value: "1.2.3.4.2"},
		dicomtest.Attribute{Tag: 0x0020000E, VR: "UI", Value: "1.2.3.4.3"})
	b := m.Encode(uid.ExplicitVRLittleEndian)
	img, err := decode.Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	n := rows * cols
	res := &segment.Result{Rows: rows, Columns: cols, Field: make(picture.Mask, n), Frames: 1, Frame: 1,
		Model:        segment.Model{Name: "XNet-16", Digest: "0123456789abcdef"},
		ConfigDigest: "c0ffee",
		Masks:        segment.Masks{Open: make(picture.Mask, n), Soft: make(picture.Mask, n), Bone: make(picture.Mask, n), HighPrecisionSoft: make(picture.Mask, n)}}
	for i := range n {
		c := i % cols
		res.Field[i] = i >= cols // the first row is unexposed
		switch {
		case !res.Field[i]:
		case c > 2*cols/5 && c < 3*cols/5:
			res.Masks.Bone[i] = true
		case c > cols/4 && c < 3*cols/4:
			res.Masks.Soft[i] = true
			res.Masks.HighPrecisionSoft[i] = c < 2*cols/5
		default:
			res.Masks.Open[i] = true
		}
	}
	return img, res
}

func file(t testing.TB, c *capture.Capture) []byte {
	t.Helper()
	var b bytes.Buffer
	meta := part10.Meta{SOPClassUID: capture.SOPClassUID, SOPInstanceUID: c.UID(), TransferSyntaxUID: uid.ExplicitVRLittleEndian}
	if err := part10.WriteMeta(&b, meta); err != nil {
		t.Fatal(err)
	}
	if err := c.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sizes are those of radiographs, and extremes.
var sizes = []struct{ rows, cols int }{{512, 312}, {37, 45}, {1, 1}, {3, 900}, {900, 3}, {2500, 2048}, {2049, 3001}}

// TestCaptureIsClean has dciodvfy find neither errors nor warnings.
func TestCaptureIsClean(t *testing.T) {
	dciodvfy, err := exec.LookPath("dciodvfy")
	if err != nil {
		if os.Getenv("REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip("dciodvfy is not installed")
	}
	for _, s := range sizes {
		img, res := radiograph(t, s.rows, s.cols, dicomtest.Attribute{Tag: 0x00200062, VR: "CS", Value: "L"})
		c, err := capture.New(img, res, product, created)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "sc.dcm")
		if err := os.WriteFile(path, file(t, c), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(dciodvfy, path).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "SCImage" {
			t.Errorf("%d×%d: %v\n%s", s.rows, s.cols, err, out)
		}
	}
}

func TestSameCaptureSameBytes(t *testing.T) {
	img, res := radiograph(t, 60, 50)
	var files [2][]byte
	for i := range files {
		c, err := capture.New(img, res, product, created)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = file(t, c)
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the same result has other bytes")
	}
}

// TestDrawMarksEveryRegion: each region's colour is seen where its border is, whatever the
// size, and nowhere in a picture without regions.
func TestDrawMarksEveryRegion(t *testing.T) {
	for _, s := range sizes {
		if s.rows < 37 || s.cols < 37 {
			continue
		}
		img, res := radiograph(t, s.rows, s.cols)
		layers := capture.Layers(res)
		p := capture.Picture{Rows: s.rows, Columns: s.cols, Grey: capture.Grey(img)}
		drawn := capture.Draw(p, res.Field, layers, capture.Notice)
		shown := drawn.Rect.Dy()
		if longest := max(drawn.Rect.Dx(), shown); longest < 1024 {
			t.Errorf("%d×%d: drawn %d pixels large, want 1024 or more", s.rows, s.cols, longest)
		}
		for _, l := range layers {
			n := 0
			for y := range shown / 2 { // above the legend
				for x := range drawn.Rect.Dx() {
					if drawn.RGBAAt(x, y) == l.Colour {
						n++
					}
				}
			}
			if n == 0 {
				t.Errorf("%d×%d: %s is not outlined", s.rows, s.cols, l.Label)
			}
		}
	}
}

// FuzzDraw: no size and no masks make the drawing panic.
func FuzzDraw(f *testing.F) {
	f.Add(uint16(1), uint16(1), uint64(1))
	f.Add(uint16(300), uint16(2), uint64(2))
	f.Fuzz(func(t *testing.T, rows, cols uint16, seed uint64) {
		r, c := int(rows%400)+1, int(cols%400)+1
		random := rand.New(rand.NewPCG(seed, 1))
		p := capture.Picture{Rows: r, Columns: c, Grey: make([]uint8, r*c)}
		mask := make([]bool, r*c)
		for i := range mask {
			mask[i] = random.IntN(3) == 0
		}
		capture.Draw(p, mask, []capture.Layer{{Label: "Region with a long name", Mask: mask, Line: capture.Dashed}}, capture.Notice)
	})
}

// TestRealCapture writes captures of the shared radiographs to CAPTURE_OUT, to be looked
// at; without it they are only made.
func TestRealCapture(t *testing.T) {
	img, err := decode.ReadFile(dicomtest.Shared(t, "dicom", "RG3_UNC.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	n := img.Rows * img.Columns
	res := &segment.Result{Rows: img.Rows, Columns: img.Columns, Masks: segment.Masks{Open: make(picture.Mask, n), Soft: make(picture.Mask, n), Bone: make(picture.Mask, n), HighPrecisionSoft: make(picture.Mask, n)}}
	for i, v := range capture.Grey(img) {
		res.Masks.Bone[i], res.Masks.Soft[i], res.Masks.Open[i] = v > 170, v > 90 && v <= 170, v <= 90
	}
	drawn := capture.Draw(capture.Picture{Rows: img.Rows, Columns: img.Columns, Grey: capture.Grey(img)}, nil, capture.Layers(res), capture.Notice)
	if drawn.Rect.Dx() != img.Columns {
		t.Errorf("drawn %d wide, want %d", drawn.Rect.Dx(), img.Columns)
	}
	if dir := os.Getenv("CAPTURE_OUT"); dir != "" {
		var b bytes.Buffer
		if err := png.Encode(&b, drawn); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "rg3.png"), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
