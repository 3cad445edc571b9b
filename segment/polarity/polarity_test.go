package polarity_test

import (
	"bytes"
	"slices"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
	"dicomnode/segment/polarity"
)

func read(t testing.TB, b []byte) *decode.Image {
	t.Helper()
	img, err := decode.Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return img
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
		img := read(t, m.Encode(uid.ExplicitVRLittleEndian))
		pix := slices.Clone(img.Samples)
		rec, err := polarity.Canonical(img, pix)
		if err != nil {
			t.Fatal(err)
		}
		if pix[1] <= pix[0] || rec.Log != c.log || rec.Inverted == c.airHigh {
			t.Errorf("%s: bone %v, air %v, %+v", c.name, pix[0], pix[1], rec)
		}
	}
}
