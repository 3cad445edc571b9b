package segment_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment"
)

var syntaxes = []string{
	dicomtest.ImplicitVRLittleEndian, dicomtest.ExplicitVRLittleEndian,
	dicomtest.DeflatedExplicitVRLittleEndian, dicomtest.ExplicitVRBigEndian, dicomtest.RLELossless,
}

func TestDecodeSynthetic(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		rows, cols, bits, stored int
		signed                   bool
	}{{7, 9, 16, 12, false}, {7, 9, 8, 8, false}, {5, 4, 16, 16, true}, {3, 3, 16, 10, true}, {1, 300, 8, 7, false}} {
		m := dicomtest.Image{Rows: c.rows, Columns: c.cols, Bits: c.bits, Stored: c.stored, Signed: c.signed, Photometric: "MONOCHROME2"}
		var want []float32
		for range c.rows * c.cols {
			v := r.IntN(1 << c.stored)
			pixel := v
			if c.stored < c.bits { // an overlay in the unused high bits must not show
				pixel |= r.IntN(2) << (c.bits - 1)
			}
			if c.signed && v >= 1<<(c.stored-1) {
				v -= 1 << c.stored
			}
			want, m.Pixels = append(want, float32(v)), append(m.Pixels, pixel)
		}
		for _, ts := range syntaxes {
			if got := decode(t, m.Encode(ts)); !slices.Equal(got.Samples, want) || got.Rows != c.rows {
				t.Errorf("%+v in %s: samples differ", c, ts)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	base := dicomtest.DX(4, 5, 10)
	with := func(f func(m *dicomtest.Image)) []byte {
		m := base
		m.Extra = slices.Clone(base.Extra)
		f(&m)
		return m.Encode(dicomtest.ExplicitVRLittleEndian)
	}
	whole := base.Encode(dicomtest.ExplicitVRLittleEndian)
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"empty":     {nil, segment.ErrMalformed},
		"cut off":   {whole[:len(whole)-3], segment.ErrMalformed},
		"colour":    {with(func(m *dicomtest.Image) { m.Photometric = "RGB" }), segment.ErrUnsupported},
		"too few":   {with(func(m *dicomtest.Image) { m.Rows = 50 }), segment.ErrMalformed},
		"too large": {with(func(m *dicomtest.Image) { m.Rows, m.Columns = 60000, 60000 }), segment.ErrUnsupported},
		"no rows":   {with(func(m *dicomtest.Image) { m.Rows = 0 }), segment.ErrMalformed},
		"stored":    {with(func(m *dicomtest.Image) { m.Stored = 20 }), segment.ErrMalformed},
		"frames": {with(func(m *dicomtest.Image) {
			m.Extra = append(m.Extra, dicomtest.Attribute{Tag: 0x00280008, VR: "IS", Value: "3"})
		}), segment.ErrMalformed},
		"frames words": {with(func(m *dicomtest.Image) {
			m.Extra = append(m.Extra, dicomtest.Attribute{Tag: 0x00280008, VR: "IS", Value: "many"})
		}), segment.ErrMalformed},
	} {
		if _, err := segment.DecodeImage(bytes.NewReader(c.file), int64(len(c.file))); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

// The polarity table by its meaning: stored air value 200, bone 50, or the other way
// round, must become air bright.
func TestPolarity(t *testing.T) {
	type attrs = []dicomtest.Attribute
	cs := func(tag uint32, v string) dicomtest.Attribute {
		return dicomtest.Attribute{Tag: tag, VR: "CS", Value: v}
	}
	sign := func(v int16) dicomtest.Attribute { return dicomtest.Attribute{Tag: 0x00281041, VR: "SS", Value: v} }
	slope := func(v string) attrs {
		return attrs{{Tag: 0x00281052, VR: "DS", Value: "255"}, {Tag: 0x00281053, VR: "DS", Value: v}}
	}
	raw := cs(0x00080068, "FOR PROCESSING")
	for _, c := range []struct {
		name        string
		photometric string
		extra       attrs
		airHigh     bool // in stored values
		log         bool
	}{
		{"CR, MONOCHROME1", "MONOCHROME1", nil, true, false},
		{"CR, MONOCHROME2", "MONOCHROME2", nil, false, false},
		{"MONOCHROME1 with its INVERSE", "MONOCHROME1", attrs{cs(0x20500020, "INVERSE")}, true, false},
		{"MONOCHROME2 IDENTITY", "MONOCHROME2", attrs{cs(0x20500020, "IDENTITY")}, false, false},
		{"MONOCHROME2 INVERSE", "MONOCHROME2", attrs{cs(0x20500020, "INVERSE")}, true, false},
		{"presentation: the sign does not count", "MONOCHROME1", attrs{cs(0x00080068, "FOR PRESENTATION"), cs(0x00281040, "LOG"), sign(-1)}, true, false},
		{"presentation, LIN: no logarithm", "MONOCHROME1", attrs{cs(0x00080068, "FOR PRESENTATION"), cs(0x00281040, "LIN"), sign(1)}, true, false},
		{"MONOCHROME2, falling rescale", "MONOCHROME2", slope("-1"), true, false},
		{"MONOCHROME1, falling rescale", "MONOCHROME1", slope("-1"), false, false},
		{"raw LIN +1", "MONOCHROME2", attrs{raw, cs(0x00281040, "LIN"), sign(1)}, true, true},
		{"raw LIN, no sign", "MONOCHROME2", attrs{raw, cs(0x00281040, "LIN")}, true, true},
		{"raw LIN -1", "MONOCHROME1", attrs{raw, cs(0x00281040, "LIN"), sign(-1)}, false, true},
		{"raw LOG +1", "MONOCHROME2", attrs{raw, cs(0x00281040, "LOG"), sign(1)}, true, false},
		{"raw LOG -1", "MONOCHROME2", attrs{raw, cs(0x00281040, "LOG"), sign(-1)}, false, false},
		{"raw DISP, no sign, MONOCHROME2", "MONOCHROME2", attrs{raw, cs(0x00281040, "DISP")}, false, false},
		{"raw LOG, no sign, MONOCHROME1", "MONOCHROME1", attrs{raw, cs(0x00281040, "LOG")}, true, false},
	} {
		pixels := []int{50, 200} // first bone, then air
		if !c.airHigh {
			pixels = []int{200, 50}
		}
		m := dicomtest.Image{Rows: 1, Columns: 2, Bits: 8, Photometric: c.photometric, Pixels: pixels, Extra: c.extra}
		pix, rec := segment.Canonical(decode(t, m.Encode(dicomtest.ExplicitVRLittleEndian)))
		if pix[1] <= pix[0] || rec.Log != c.log || rec.Inverted == c.airHigh {
			t.Errorf("%s: bone %v, air %v, %+v", c.name, pix[0], pix[1], rec)
		}
	}
}

func TestRemoveIslands(t *testing.T) {
	label := []uint8{
		0, 0, 0, 0, 255,
		0, 1, 2, 0, 255,
		0, 1, 0, 0, 2,
		0, 0, 0, 0, 2,
	}
	want := []uint8{
		0, 0, 0, 0, 255,
		0, 0, 0, 0, 255,
		0, 0, 0, 0, 0,
		0, 0, 0, 0, 0,
	}
	if n := segment.RemoveIslands(label, 4, 5, 3); n != 5 || !slices.Equal(label, want) {
		t.Errorf("changed %d: %v", n, label)
	}
	if n := segment.RemoveIslands([]uint8{1, 1, 1}, 1, 3, 100); n != 0 {
		t.Errorf("a region without neighbours changed %d pixels", n)
	}
}

func FuzzDecode(f *testing.F) {
	for _, ts := range syntaxes {
		f.Add(dicomtest.DX(6, 5, 10).Encode(ts))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		img, err := segment.DecodeImage(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			if !errors.Is(err, segment.ErrMalformed) && !errors.Is(err, segment.ErrUnsupported) {
				t.Fatalf("error of neither kind: %v", err)
			}
			return
		}
		if len(img.Samples) != img.Rows*img.Columns {
			t.Fatalf("%d samples for %d×%d", len(img.Samples), img.Rows, img.Columns)
		}
		if len(img.Samples) < 1<<12 {
			p := segment.Pipeline{Predictor: thresholds{}}
			res, err := p.Run(t.Context(), img)
			if err != nil {
				t.Fatal(err)
			}
			checkPartition(t, res)
		}
	})
}

func FuzzRLE(f *testing.F) {
	m := dicomtest.DX(6, 5, 10).Encode(dicomtest.RLELossless)
	f.Add(m[len(m)-8-160:len(m)-8], uint16(30), true)
	head := make([]byte, 64)
	head[0], head[4] = 1, 64
	f.Add(append(head, 3, 1, 2, 3, 4, 0xFE, 9), uint16(7), false)
	f.Fuzz(func(t *testing.T, b []byte, pixels uint16, wide bool) {
		size := 1
		if wide {
			size = 2
		}
		out, err := segment.DecodeRLE(b, int(pixels), size)
		if err == nil && len(out) != int(pixels)*size {
			t.Fatalf("%d bytes for %d pixels", len(out), pixels)
		}
	})
}
