package nodetest

import (
	"os"
	"testing"

	"dicomnode/trainer/simulate"
)

// Detector takes small pictures, which segment fast.
var Detector = simulate.DXOptions{Seed: 1, Rows: 320, Columns: 256, DetectorID: "SIMULATED-1"}

// Radiographs writes n radiographs of the test detector, each with another view.
func Radiographs(t testing.TB, n int) []string {
	t.Helper()
	o := Detector
	o.Out, o.Count = t.TempDir(), n
	images, _, err := simulate.RunDX(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return images
}

// DarkFrames writes n dark frames of the test detector.
func DarkFrames(t testing.TB, n int) []string {
	t.Helper()
	o := Detector
	o.Out, o.Darks = t.TempDir(), n
	_, darks, err := simulate.RunDX(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return darks
}

// PixelBytes is the length of Pixel Data (7FE0,0010), which ends the files of the
// test detector; 12 bytes of tag, VR and length precede it.
var PixelBytes = 2 * Detector.Rows * Detector.Columns

// Rewritten is a copy of a file after a change of its bytes.
func Rewritten(t testing.TB, path string, change func([]byte) []byte) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.CreateTemp(t.TempDir(), "*.dcm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(change(b)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}
