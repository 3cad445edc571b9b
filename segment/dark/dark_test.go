package dark_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/segment/dark"
	"dicomnode/segment/decode"
)

func read(t testing.TB, b []byte) *decode.Image {
	t.Helper()
	img, err := decode.Read(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// correct corrects a copy of the image's samples.
func correct(m *decode.Image, c dark.Calibrations) ([]float32, dark.Record) {
	pix := slices.Clone(m.Samples)
	return pix, dark.Correct(m, pix, c)
}

// darkFrame is the detector of dicomtest.DX without radiation: offset, ±1 of noise and
// one hot pixel.
func darkFrame(t testing.TB, n int) *decode.Image {
	m := dicomtest.DX(50, 60, 300)
	for i := range m.Pixels {
		m.Pixels[i] = dicomtest.Offset(i/60, 300) + (i*31+n*17)%3 - 1
	}
	m.Pixels[hot] = 9000
	return read(t, m.Encode(uid.ExplicitVRLittleEndian))
}

const hot = 20*60 + 30

func TestDarkFramesAreSubtracted(t *testing.T) {
	dir := t.TempDir()
	store, err := dark.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		if err := store.AddDark(darkFrame(t, n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.AddDark(darkFrame(t, 1)); err != nil { // delivered twice
		t.Fatal(err)
	}
	again, err := dark.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := again.List(); err != nil || len(all) != 1 || all[0].Key.Detector != "DET1" {
		t.Errorf("listed %v, %v", all, err)
	}
	raw := dicomtest.DX(50, 60, 300)
	raw.Pixels[hot] = 16000
	img := read(t, raw.Encode(uid.ImplicitVRLittleEndian))
	pix, rec := correct(img, again)
	if rec.Method != "dark frames" || rec.Frames < 3 || rec.Frames > 5 || rec.Corrected != 1 || rec.Digest == "" {
		t.Errorf("record %+v", rec)
	}
	want := dicomtest.DX(50, 60, 0)
	for i, v := range pix {
		if w := float64(want.Pixels[i] - dicomtest.Offset(i/60, 0)); math.Abs(float64(v)-w) > 1 {
			t.Fatalf("pixel %d: got %v, want %v within 1", i, v, w)
		}
	}
}

func TestDarkWithoutCalibration(t *testing.T) {
	img := read(t, dicomtest.DX(50, 60, 300).Encode(uid.ExplicitVRLittleEndian))
	if _, rec := correct(img, nil); rec.Method != "estimated" || rec.Offset < 300 || rec.Err != nil {
		t.Errorf("raw: %+v", rec)
	}
	m := dicomtest.DX(50, 60, 300)
	m.Extra[3].Value = "FOR PRESENTATION"
	if _, rec := correct(read(t, m.Encode(uid.ExplicitVRLittleEndian)), nil); rec.Method != "none" || rec.Offset != 0 {
		t.Errorf("For Presentation: %+v", rec)
	}
}

// A calibration that is not used yet, because its dark frames are missing or too few, is listed and
// dropped, and the record of an image says how many there are.
func TestTooFewDarkFrames(t *testing.T) {
	img := read(t, dicomtest.DX(50, 60, 300).Encode(uid.ExplicitVRLittleEndian))
	for _, c := range []struct {
		darks, floods int
		want          string
	}{
		{0, 1, "0 of 3 dark frames of this detector"},
		{2, 0, "2 of 3 dark frames of this detector"},
		{2, 1, "2 of 3 dark frames of this detector"},
	} {
		store, err := dark.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		for n := range c.darks {
			if err := store.AddDark(darkFrame(t, n)); err != nil {
				t.Fatal(err)
			}
		}
		for range c.floods {
			if err := store.AddFlood(img); err != nil {
				t.Fatal(err)
			}
		}
		if all, err := store.List(); err != nil || len(all) != 1 || all[0].Frames != c.darks || all[0].Floods != c.floods || all[0].Key.Detector != "DET1" {
			t.Errorf("%d and %d frames: listed %+v, %v", c.darks, c.floods, all, err)
		}
		if _, rec := correct(img, store); rec.Method != "estimated" || rec.Reason != c.want || rec.Err != nil {
			t.Errorf("%d and %d frames: %+v", c.darks, c.floods, rec)
		}
		if n, err := store.Drop("DET1"); n != 1 || err != nil {
			t.Errorf("%d and %d frames: %d dropped, %v", c.darks, c.floods, n, err)
		}
		if _, rec := correct(img, store); rec.Reason != dark.ErrNoCalibration.Error() {
			t.Errorf("dropped: %+v", rec)
		}
	}
}

func TestFloodGivesGain(t *testing.T) {
	store, err := dark.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	flood := darkFrame(t, 0)
	for i := range flood.Samples { // the right half answers twice as strongly
		flood.Samples[i] = float32(dicomtest.Offset(i/60, 300) + 1000*(1+i%60/30))
	}
	flood.Samples[7] = 300 // dead
	if err := store.AddDark(darkFrame(t, 0), darkFrame(t, 1), darkFrame(t, 2)); err != nil {
		t.Fatal(err)
	}
	if err := store.AddFlood(flood); err != nil {
		t.Fatal(err)
	}
	pix, rec := correct(flood, store)
	if !rec.Gain || rec.Corrected < 2 {
		t.Errorf("record %+v", rec)
	}
	for i, v := range pix {
		if math.Abs(float64(v/pix[0])-1) > 0.01 {
			t.Fatalf("pixel %d: %v, want the field even at %v", i, v, pix[0])
		}
	}
}

func TestDamagedCalibrationIsReported(t *testing.T) {
	dir := t.TempDir()
	store, err := dark.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.AddDark(darkFrame(t, 0), darkFrame(t, 1), darkFrame(t, 2)); err != nil {
		t.Fatal(err)
	}
	key, _ := dark.KeyOf(darkFrame(t, 0))
	if _, err := store.Lookup(key); err != nil { // now it is in memory
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.dark"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	fresh, err := dark.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fresh.Lookup(key); !errors.Is(err, dark.ErrDamaged) {
		t.Errorf("looked up a damaged calibration: %v, want ErrCalibration", err)
	}
	if _, err := store.Lookup(key); !errors.Is(err, dark.ErrDamaged) {
		t.Errorf("looked up a calibration damaged since: %v, want ErrCalibration", err)
	}
	if err := fresh.AddDark(darkFrame(t, 1)); !errors.Is(err, dark.ErrDamaged) {
		t.Errorf("added to a damaged calibration: %v, want ErrCalibration", err)
	}
	raw := read(t, dicomtest.DX(50, 60, 300).Encode(uid.ExplicitVRLittleEndian))
	if _, rec := correct(raw, fresh); rec.Method != "estimated" || !errors.Is(rec.Err, dark.ErrDamaged) {
		t.Errorf("record %+v, want an estimate that says why", rec)
	}
	if _, err := fresh.List(); err == nil {
		t.Error("a damaged calibration was not reported")
	}
}

func FuzzDark(f *testing.F) {
	dir := f.TempDir()
	store, err := dark.Open(dir)
	if err != nil {
		f.Fatal(err)
	}
	m := dicomtest.DX(3, 4, 10)
	for i := range m.Pixels {
		m.Pixels[i] = 10 + i%3
	}
	if err := store.AddDark(read(f, m.Encode(uid.ExplicitVRLittleEndian))); err != nil {
		f.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.dark"))
	if len(files) != 1 {
		f.Fatalf("seed files %v", files)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[:len(b)-32])
	f.Fuzz(func(t *testing.T, b []byte) { dark.ReadCalibration(b) })
}
