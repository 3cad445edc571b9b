package capture_test

import (
	"bytes"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment"
	"dicomnode/segment/capture"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/segmenttest"
)

// sizes are those of radiographs, and extremes.
var sizes = []struct{ rows, cols int }{{512, 312}, {37, 45}, {1, 1}, {3, 900}, {900, 3}, {2500, 2048}, {2049, 3001}}

func TestCaptureIsClean(t *testing.T) {
	side := dicomtest.Attribute{Tag: 0x00200062, VR: "CS", Value: "L"}
	for _, s := range sizes {
		img, res := segmenttest.Radiograph(t, s.rows, s.cols, side)
		segmenttest.MustBeClean(t, "SCImage", captured(t, img, res))
	}
	img, res := segmenttest.Radiograph(t, 40, 30)
	segmenttest.MustBeClean(t, "SCImage", captured(t, img, res), "<Laterality>") // unknown here: empty
}

// TestCaptureKeepsTheShapeOfPixels: pixels that are not square stay so (PS3.3 C.7.6.3).
func TestCaptureKeepsTheShapeOfPixels(t *testing.T) {
	side := dicomtest.Attribute{Tag: 0x00200062, VR: "CS", Value: "L"}
	img, res := segmenttest.Radiograph(t, 64, 48, side, dicomtest.Attribute{Tag: 0x00280034, VR: "IS", Value: `2\1`})
	file := captured(t, img, res)
	segmenttest.MustBeClean(t, "SCImage", file)
	if !bytes.Contains(file, []byte("\x28\x00\x34\x00IS\x04\x002\\1 ")) {
		t.Error("no Pixel Aspect Ratio")
	}
}

func captured(t testing.TB, img *decode.Image, res *segment.Result) []byte {
	t.Helper()
	c, err := capture.New(img, res, segmenttest.Product, segmenttest.Created)
	if err != nil {
		t.Fatal(err)
	}
	return segmenttest.File(t, capture.SOPClassUID, c)
}

func TestSameCaptureSameBytes(t *testing.T) {
	img, res := segmenttest.Radiograph(t, 60, 50)
	if !bytes.Equal(captured(t, img, res), captured(t, img, res)) {
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
		img, res := segmenttest.Radiograph(t, s.rows, s.cols)
		layers := capture.Layers(res)
		p := capture.Picture{Rows: s.rows, Columns: s.cols, Grey: capture.Grey(img, res)}
		drawn := capture.Draw(p, res.Field, layers, capture.Notice)
		shown := drawn.Bounds().Dy()
		if longest := max(drawn.Bounds().Dx(), shown); longest < 1024 {
			t.Errorf("%d×%d: drawn %d pixels large, want 1024 or more", s.rows, s.cols, longest)
		}
		for _, l := range layers {
			n := 0
			for y := range shown / 2 { // above the legend
				for x := range drawn.Bounds().Dx() {
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
	img, err := decode.ReadFile(t.Context(), dicomtest.Shared(t, "dicom", "RG3_UNC.dcm"), nil)
	if err != nil {
		t.Fatal(err)
	}
	n := img.Rows * img.Columns
	res := &segment.Result{Rows: img.Rows, Columns: img.Columns, Masks: segment.Masks{Open: make(picture.Mask, n), Soft: make(picture.Mask, n), Bone: make(picture.Mask, n), HighPrecisionSoft: make(picture.Mask, n)}}
	for i, v := range capture.Grey(img, res) {
		res.Masks.Bone[i], res.Masks.Soft[i], res.Masks.Open[i] = v > 170, v > 90 && v <= 170, v <= 90
	}
	drawn := capture.Draw(capture.Picture{Rows: img.Rows, Columns: img.Columns, Grey: capture.Grey(img, res)}, nil, capture.Layers(res), capture.Notice)
	if drawn.Bounds().Dx() != img.Columns {
		t.Errorf("drawn %d wide, want %d", drawn.Bounds().Dx(), img.Columns)
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
