package polarity_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
	"dicomnode/segment/polarity"
)

func read(t testing.TB, b []byte) *decode.Image {
	t.Helper()
	img, err := decode.Read(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
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

// What XA and RF, and For Processing classes, say of the beam (PS3.3 C.8.7.1.1.2, A.26).
func TestPolarityByClass(t *testing.T) {
	type attrs = []dicomtest.Attribute
	cs := func(tag uint32, v string) dicomtest.Attribute {
		return dicomtest.Attribute{Tag: tag, VR: "CS", Value: v}
	}
	class := func(v string) dicomtest.Attribute { return dicomtest.Attribute{Tag: 0x00080016, VR: "UI", Value: v} }
	sign := func(v int16) dicomtest.Attribute { return dicomtest.Attribute{Tag: 0x00281041, VR: "SS", Value: v} }
	rf, xa := class(uid.XRayRadiofluoroscopicImageStorage), class(uid.XRayAngiographicImageStorage)
	lin, log := cs(0x00281040, "LIN"), cs(0x00281040, "LOG")
	falling := ramp(256, 255, -1, 16)
	for _, c := range []struct {
		name      string
		extra     attrs
		airHigh   bool // in stored values
		log       bool
		undecided bool
	}{
		{"XA LIN", attrs{xa, lin}, true, true, false},
		{"RF LIN", attrs{rf, lin}, true, true, false},
		{"RF LIN -1", attrs{rf, lin, sign(-1)}, false, true, false},
		{"XA LOG", attrs{xa, log}, true, false, false},
		{"XA LOG, its Modality LUT leads back to the beam", attrs{xa, log, lut(0x00283000, falling)}, true, false, false},
		{"RF DISP", attrs{rf, cs(0x00281040, "DISP")}, true, false, true},
		{"XA, nothing said", attrs{xa}, true, false, true},
		{"enhanced XA, LIN with its frames", attrs{class("1.2.840.10008.5.1.4.1.1.12.1.1"),
			{Tag: 0x52009229, VR: "SQ", Value: [][]dicomtest.Attribute{{{Tag: 0x00289443, VR: "SQ", Value: [][]dicomtest.Attribute{{lin, sign(1)}}}}}}}, true, true, false},
		{"DX For Processing by its class", attrs{class(uid.DigitalXRayImageStorageForProcessing), lin}, true, true, false},
		{"MG For Processing by its class", attrs{class(uid.DigitalMammographyXRayImageStorageForProcessing), log, sign(-1)}, false, false, false},
		{"the intent is believed before the class", attrs{class(uid.DigitalXRayImageStorageForProcessing), cs(0x00080068, "FOR PRESENTATION"), lin}, false, false, false},
		{"DX For Presentation, no intent", attrs{class(uid.DigitalXRayImageStorageForPresentation), lin}, false, false, false},
	} {
		pixels := []int{50, 200} // first bone, then air
		if !c.airHigh {
			pixels = []int{200, 50}
		}
		m := dicomtest.Image{Rows: 1, Columns: 2, Bits: 8, Photometric: "MONOCHROME2", Pixels: pixels, Extra: c.extra}
		pix, rec := canonical(t, m)
		if pix[1] <= pix[0] || rec.Log != c.log || rec.Inverted == c.airHigh || rec.Undecided != c.undecided {
			t.Errorf("%s: bone %v, air %v, %+v", c.name, pix[0], pix[1], rec)
		}
	}
}

// canonical makes the picture of an image.
func canonical(t *testing.T, m dicomtest.Image) ([]float32, polarity.Record) {
	t.Helper()
	img := read(t, m.Encode(uid.ExplicitVRLittleEndian))
	pix := slices.Clone(img.Samples)
	rec, err := polarity.Canonical(img, pix)
	if err != nil {
		t.Fatal(err)
	}
	return pix, rec
}

// table is a look-up table before it is written.
type table struct {
	descriptor []uint16
	vr         string
	data       any
}

// ramp is a table of n entries from first on, step apart, of 16 bits.
func ramp(n, first, step, bits int) table {
	var v []uint16
	for i := range n {
		v = append(v, uint16(first+step*i))
	}
	return table{[]uint16{uint16(n), 0, uint16(bits)}, "US", v}
}

// packed is t with entries of 8 bits, two in a word, in OW or OB.
func (t table) packed(vr string) table {
	var b []byte
	for _, v := range t.data.([]uint16) {
		b = append(b, byte(v))
	}
	return table{[]uint16{t.descriptor[0], 0, 8}, vr, b}
}

func lut(sequence uint32, t table) dicomtest.Attribute {
	return dicomtest.Attribute{Tag: sequence, VR: "SQ", Value: [][]dicomtest.Attribute{{
		{Tag: 0x00283002, VR: "US", Value: t.descriptor}, {Tag: 0x00283006, VR: t.vr, Value: t.data},
	}}}
}

// Look-up tables in every form; what cannot be decoded is never passed over in silence.
func TestLookUpTables(t *testing.T) {
	const modality, voi = 0x00283000, 0x00283010
	rising, falling := ramp(256, 0, 1, 16), ramp(256, 255, -1, 16)
	short := table{[]uint16{256, 0, 16}, "US", []uint16{1, 2, 3}}
	for _, c := range []struct {
		name    string
		tables  []dicomtest.Attribute
		airHigh bool
		fails   bool
		warns   bool
	}{
		{"falling modality", []dicomtest.Attribute{lut(modality, falling)}, true, false, false},
		{"falling modality, OW of 8 bits packed", []dicomtest.Attribute{lut(modality, falling.packed("OW"))}, true, false, false},
		{"falling modality, OB of 8 bits", []dicomtest.Attribute{lut(modality, falling.packed("OB"))}, true, false, false},
		{"rising modality, 255 entries packed", []dicomtest.Attribute{lut(modality, ramp(255, 0, 1, 8).packed("OW"))}, false, false, false},
		{"falling VOI", []dicomtest.Attribute{lut(voi, falling)}, true, false, false},
		{"rising VOI", []dicomtest.Attribute{lut(voi, rising)}, false, false, false},
		{"both fall", []dicomtest.Attribute{lut(modality, falling), lut(voi, falling)}, false, false, false},
		{"VOI falls where nothing is, packed", []dicomtest.Attribute{lut(voi, falling.packed("OW"))}, true, false, false},
		{"modality too short", []dicomtest.Attribute{lut(modality, short)}, false, true, false},
		{"modality without data", []dicomtest.Attribute{lut(modality, table{[]uint16{256, 0, 16}, "US", []uint16{}})}, false, true, false},
		{"modality, descriptor of two", []dicomtest.Attribute{lut(modality, table{[]uint16{256, 0}, "US", rising.data})}, false, true, false},
		{"VOI too short", []dicomtest.Attribute{lut(voi, short)}, false, false, true},
		{"slope of 0", []dicomtest.Attribute{{Tag: 0x00281053, VR: "DS", Value: "0"}}, false, false, true},
		{"slope in words", []dicomtest.Attribute{{Tag: 0x00281053, VR: "DS", Value: "two"}}, false, false, true},
	} {
		pixels := []int{50, 200} // first bone, then air
		if !c.airHigh {
			pixels = []int{200, 50}
		}
		for _, ts := range []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian} {
			m := dicomtest.Image{Rows: 1, Columns: 2, Bits: 8, Photometric: "MONOCHROME2", Pixels: pixels, Extra: c.tables}
			img := read(t, m.Encode(ts))
			pix := slices.Clone(img.Samples)
			rec, err := polarity.Canonical(img, pix)
			if c.fails {
				if !errors.Is(err, decode.ErrMalformed) {
					t.Errorf("%s in %s: %v, want ErrMalformed", c.name, ts, err)
				}
				continue
			}
			if err != nil || pix[1] <= pix[0] || rec.Inverted == c.airHigh || (rec.Warning != "") != c.warns {
				t.Errorf("%s in %s: bone %v, air %v, %+v, %v", c.name, ts, pix[0], pix[1], rec, err)
			}
		}
	}
}

// What is no number, as padding is made, stays so and bears on nothing.
func TestNoNumbersStay(t *testing.T) {
	m := dicomtest.DX(4, 4, 100)
	img := read(t, m.Encode(uid.ExplicitVRLittleEndian))
	want := slices.Clone(img.Samples)
	if _, err := polarity.Canonical(img, want); err != nil {
		t.Fatal(err)
	}
	pix := slices.Clone(img.Samples)
	pix[3] = float32(math.NaN())
	if _, err := polarity.Canonical(img, pix); err != nil {
		t.Fatal(err)
	}
	for i, v := range pix {
		if (i == 3) != (v != v) || i != 3 && v != want[i] {
			t.Errorf("pixel %d is %v, want %v", i, v, want[i])
		}
	}
}
