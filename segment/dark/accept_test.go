package dark_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/internal/codec"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/segment/dark"
	"dicomnode/segment/decode"
)

// frame is a dark frame of dicomtest.DX's detector, changed.
func frame(t testing.TB, change func(m *dicomtest.Image), value func(i int) int) *decode.Image {
	t.Helper()
	m := dicomtest.DX(50, 60, 300)
	for i := range m.Pixels {
		m.Pixels[i] = value(i)
	}
	if change != nil {
		change(&m)
	}
	return read(t, m.Encode(uid.ExplicitVRLittleEndian))
}

// level is even with some noise.
func level(v, seed int) func(i int) int { return func(i int) int { return v + (i*31+seed*17)%5 } }

func with(a dicomtest.Attribute) func(m *dicomtest.Image) {
	return func(m *dicomtest.Image) { m.Extra = append(m.Extra, a) }
}

// Frames that were exposed, or look so, are refused, the first of a detector as well.
func TestExposedFramesAreRefused(t *testing.T) {
	ds := func(tag uint32, v string) dicomtest.Attribute {
		return dicomtest.Attribute{Tag: tag, VR: "DS", Value: v}
	}
	is := func(tag uint32, v int) dicomtest.Attribute { return dicomtest.Attribute{Tag: tag, VR: "IS", Value: v} }
	for _, c := range []struct {
		name, why string
		frame     *decode.Image
	}{
		{"KVP", "KVP (0018,0060)", frame(t, with(ds(0x00180060, "60")), level(300, 1))},
		{"exposure", "Exposure (0018,1152)", frame(t, with(is(0x00181152, 4)), level(300, 1))},
		{"exposure in µAs", "(0018,1153)", frame(t, with(is(0x00181153, 400)), level(300, 1))},
		{"for presentation", "For Processing", frame(t, func(m *dicomtest.Image) { m.Extra[3].Value = "FOR PRESENTATION" }, level(300, 1))},
		{"a radiograph", "an exposure", read(t, dicomtest.DX(50, 60, 300).Encode(uid.ExplicitVRLittleEndian))},
		{"an even exposure", "an exposure", frame(t, nil, level(8000, 1))},
		{"a step", "an exposure", frame(t, nil, func(i int) int { return 300 + 1000*(i%60/50) })},
	} {
		store := openStore(t, t.TempDir())
		err := store.AddDark(c.frame)
		if !errors.Is(err, dark.ErrRefused) || !errors.Is(err, decode.ErrUnsupported) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, want a refusal that says %q", c.name, err, c.why)
		}
		if all, err := store.List(); err != nil || len(all) != 0 {
			t.Errorf("%s: calibrations %v, %v", c.name, all, err)
		}
	}
	zero := frame(t, func(m *dicomtest.Image) { m.Extra = append(m.Extra, ds(0x00180060, "0"), is(0x00181152, 0)) }, level(300, 1))
	if err := openStore(t, t.TempDir()).AddDark(zero); err != nil {
		t.Errorf("a frame of 0 kV: %v", err)
	}
}

// Three frames must agree before they are used; one that differs takes the place of fewer,
// and is refused by more.
func TestFramesMustAgree(t *testing.T) {
	store := openStore(t, t.TempDir())
	usable := func() (frames int) {
		key, _ := dark.KeyOf(frame(t, nil, level(300, 0)))
		d, err := store.Lookup(key)
		switch {
		case errors.Is(err, dark.ErrNoCalibration):
			return 0
		case err != nil:
			t.Fatal(err)
		}
		return d.Frames
	}
	for i, c := range []struct {
		level   int
		refused bool
		usable  int
	}{
		{900, false, 0}, // wrong, but nobody knows
		{300, false, 0},
		{300, false, 0},
		{300, false, 3},
		{900, true, 3},
		{320, false, 4}, // the detector is warmer
		{3000, true, 4},
	} {
		err := store.AddDark(frame(t, nil, level(c.level, i)))
		if errors.Is(err, dark.ErrRefused) != c.refused || err != nil && !c.refused {
			t.Errorf("frame %d of level %d: %v", i+1, c.level, err)
		}
		if got := usable(); got != c.usable {
			t.Errorf("after frame %d: %d usable, want %d", i+1, got, c.usable)
		}
	}
	pattern := frame(t, nil, func(i int) int { return 200 + 200*(i%2) })
	if err := store.AddDark(pattern); !errors.Is(err, dark.ErrRefused) || !strings.Contains(err.Error(), "drop") {
		t.Errorf("another pattern of the same level: %v", err)
	}
}

// A folder takes no more detectors than it may, but more frames of those it has.
func TestStorageIsBounded(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, dir)
	if err := store.AddDark(frame(t, nil, level(300, 0))); err != nil {
		t.Fatal(err)
	}
	for i := range dark.MaxDetectors - 1 {
		if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i%26))+strings.Repeat("x", i)+".dark"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	other := frame(t, func(m *dicomtest.Image) { m.Extra[5].Value = "DET2" }, level(300, 0))
	if err := store.AddDark(other); !errors.Is(err, decode.ErrUnsupported) || !strings.Contains(err.Error(), "drop") {
		t.Errorf("one detector too many: %v", err)
	}
	if err := store.AddDark(frame(t, nil, level(300, 1))); err != nil {
		t.Errorf("a further frame of a known detector: %v", err)
	}
}

// A calibration takes 16 bytes for each pixel however many frames it has learnt, and
// all together take no more than they may.
func TestBytesAreBounded(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, dir)
	var sizes []int64
	for i := range 6 {
		m := frame(t, nil, level(300, i))
		if err := store.AddDark(m); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.dark"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		info, err := os.Stat(files[0])
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, info.Size()-16*int64(m.Rows)*int64(m.Columns))
	}
	if sizes[0] < 0 || sizes[5] > 4096 {
		t.Errorf("bytes beside 16 for each pixel, after each frame: %v", sizes)
	}
	large := filepath.Join(dir, "large.dark")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, dark.MaxBytes); err != nil { // without bytes on the disk
		t.Skip(err)
	}
	other := frame(t, func(m *dicomtest.Image) { m.Extra[5].Value = "DET2" }, level(300, 0))
	if err := store.AddDark(other); !errors.Is(err, decode.ErrUnsupported) || !strings.Contains(err.Error(), "drop") {
		t.Errorf("a detector beyond %d MiB: %v", dark.MaxBytes>>20, err)
	}
}

// No radiograph of the shared data is taken as a dark frame.
func TestSharedRadiographsAreRefused(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(dicomtest.Shared(t, "dicom"), "*.dcm"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	tried := 0
	for _, path := range files {
		img, err := decode.ReadFile(t.Context(), path, nil)
		if errors.Is(err, decode.ErrUnsupported) || errors.Is(err, codec.ErrMissing) {
			continue // compressed
		}
		if err != nil {
			t.Fatal(err)
		}
		tried++
		if err := openStore(t, t.TempDir()).AddDark(img); err == nil {
			t.Errorf("%s was taken", filepath.Base(path))
		}
	}
	if tried < 5 {
		t.Errorf("only %d of %d files could be decoded", tried, len(files))
	}
}
