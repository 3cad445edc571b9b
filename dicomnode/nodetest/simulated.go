package main

import (
	"os"
	"testing"

	"dicomnode/trainer/simulate"
)

// dxForProcessing is Digital X-Ray Image Storage – For Processing (PS3.4 B.5).
const dxForProcessing = "1.2.840.10008.5.1.4.1.1.1.1.1"

// testDetector takes small pictures, which segment fast.
var testDetector = simulate.DXOptions{Seed: 1, Rows: 320, Columns: 256, DetectorID: "SIMULATED-1"}

// simulated writes n radiographs of the test detector, each with another view.
func simulated(t testing.TB, n int) []string {
	t.Helper()
	o := testDetector
	o.Out, o.Count = t.TempDir(), n
	images, _, err := simulate.RunDX(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return images
}

// simulatedDarks writes n dark frames of the test detector.
func simulatedDarks(t testing.TB, n int) []string {
	t.Helper()
	o := testDetector
	o.Out, o.Darks = t.TempDir(), n
	_, darks, err := simulate.RunDX(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return darks
}

// pixelBytes is the length of Pixel Data (7FE0,0010), which ends the files of the
// test detector; 12 bytes of tag, VR and length precede it.
var pixelBytes = 2 * testDetector.Rows * testDetector.Columns

// rewritten is a copy of a file after a change of its bytes.
func rewritten(t testing.TB, path string, change func([]byte) []byte) string {
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
