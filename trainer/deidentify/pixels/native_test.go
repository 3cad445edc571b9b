package pixels_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/pixels"
)

func le(words ...uint16) (b []byte) {
	for _, w := range words {
		b = binary.LittleEndian.AppendUint16(b, w)
	}
	return b
}

// What native pixel data has beside its pixels is removed, and nothing else is changed.
func TestNative(t *testing.T) {
	frames := dicomtest.Attribute{Tag: 0x00280008, VR: "IS", Value: 2}
	for _, c := range []struct {
		name       string
		m          dicomtest.Image
		have, want []byte
	}{
		{"all bits stored", dicomtest.Image{Columns: 2, Bits: 16}, le(0xFFFF, 0x1234), le(0xFFFF, 0x1234)},
		{"an overlay in bit 15", dicomtest.Image{Columns: 2, Bits: 16, Stored: 12}, le(0x8FFF, 0x7234), le(0x0FFF, 0x0234)},
		{"bits below the stored ones", dicomtest.Image{Columns: 2, Bits: 16, Stored: 12, HighBit: 15}, le(0xFFF7, 0x1230), le(0xFFF0, 0x1230)},
		{"a sign", dicomtest.Image{Columns: 3, Bits: 16, Stored: 12, Signed: true}, le(0xF800, 0x0801, 0xA7FF), le(0xF800, 0xF801, 0x07FF)},
		{"bytes of 7 bits", dicomtest.Image{Columns: 2, Bits: 8, Stored: 7}, []byte{0xFF, 0x01}, []byte{0x7F, 0x01}},
		{"a name behind the last pixel", dicomtest.Image{Columns: 2, Bits: 16}, append(le(1, 2), name...), le(1, 2)},
		{"a byte of padding", dicomtest.Image{Columns: 3, Bits: 8}, []byte{1, 2, 3, 'V'}, []byte{1, 2, 3, 0}},
		{"two frames", dicomtest.Image{Columns: 2, Bits: 8, Extra: []dicomtest.Attribute{frames}}, []byte{1, 2, 3, 4, 5, 6}, []byte{1, 2, 3, 4}},
		{"three samples", dicomtest.Image{Columns: 2, Bits: 8, Samples: 3}, []byte{1, 2, 3, 4, 5, 6, 7, 8}, []byte{1, 2, 3, 4, 5, 6}},
		{"fewer bytes than pixels", dicomtest.Image{Columns: 3, Bits: 16, Stored: 12}, le(0x8FFF), le(0x0FFF)},
	} {
		c.m.Rows, c.m.Photometric = 1, "MONOCHROME2"
		if c.m.Samples == 3 {
			c.m.Photometric = "RGB"
		}
		o := parsed(t, c.m.Encode(uid.ExplicitVRLittleEndian))
		o.Put(&object.Element{Tag: object.PixelData, VR: "OW", Value: slices.Clone(c.have)})
		before := slices.Clone(c.have)
		value := o.Find(object.PixelData).Value
		if !pixels.Clean(o, o) || !bytes.Equal(o.Find(object.PixelData).Value, c.want) {
			t.Errorf("%s: % X, want % X", c.name, o.Find(object.PixelData).Value, c.want)
		}
		if !bytes.Equal(value, before) {
			t.Errorf("%s: the original is changed", c.name)
		}
	}
}

// RLE frames are kept if they have nothing but pixels. Damaged or unknown pixel data is not
// cleaned.
func TestNotCleaned(t *testing.T) {
	row := dicomtest.Image{Rows: 1, Columns: 4, Bits: 16, Stored: 12, Photometric: "MONOCHROME2", Pixels: []int{1, 2, 3, 4}}
	frame := parsed(t, row.Encode(uid.RLELossless)).Find(object.PixelData).Fragments[1]
	jpeg := slices.Concat([]byte{0xFF, 0xD8}, segmentOf(0xC0, "\x08\x00\x01\x00\x04\x01\x01\x11\x00"), segmentOf(0xDA, "\x01\x01\x00\x00\x3F\x00"), []byte{1, 2, 0xFF, 0xD9})
	j2k := slices.Concat([]byte{0xFF, 0x4F}, segmentOf(0x51, string(make([]byte, 34))+"\x00\x00"), segmentOf(0x90, "\x00\x00\x00\x00\x00\x00\x00\x01"), []byte{0xFF, 0x93, 1, 0xFF, 0xD9})
	with := func(b []byte, at int, v byte) []byte {
		b = slices.Clone(b)
		b[at] = v
		return b
	}
	for _, c := range []struct {
		name, syntax string
		fragments    [][]byte
		ok           bool
	}{
		{"RLE", uid.RLELossless, [][]byte{{}, frame}, true},
		{"RLE with a name", uid.RLELossless, [][]byte{{}, append(slices.Clone(frame), name...)}, false},
		{"RLE with a header of more", uid.RLELossless, [][]byte{{}, with(frame, 60, 'V')}, false},
		{"RLE of other pixels", uid.RLELossless, [][]byte{{}, with(frame, 64, 100)}, false},
		{"RLE cut", uid.RLELossless, [][]byte{{}, frame[:66]}, false},
		{"JPEG", uid.JPEGBaseline8Bit, [][]byte{{}, jpeg}, true},
		{"JPEG without an end", uid.JPEGBaseline8Bit, [][]byte{{}, jpeg[:len(jpeg)-2]}, false},
		{"JPEG with an unknown marker", uid.JPEGBaseline8Bit, [][]byte{{}, with(jpeg, 3, 0xF5)}, false},
		{"JPEG with a long frame header", uid.JPEGBaseline8Bit, [][]byte{{}, slices.Concat(jpeg[:2], segmentOf(0xC0, "\x08\x00\x01\x00\x04\x01\x01\x11\x00"+name), jpeg[15:])}, false},
		{"JPEG in JPEG 2000", uid.JPEG2000, [][]byte{{}, jpeg}, false},
		{"JPEG 2000", uid.JPEG2000, [][]byte{{}, j2k}, true},
		{"JPEG 2000 with a tile-part beyond the end", uid.JPEG2000, [][]byte{{}, with(j2k, 54, 1)}, false},
		{"a file of JPEG 2000", uid.JPEG2000, [][]byte{{}, append([]byte("\x00\x00\x00\x0CjP  \r\n\x87\n"), j2k...)}, false},
		{"no frame", uid.JPEGBaseline8Bit, [][]byte{{}}, false},
		{"unknown", uid.JPEGXL, [][]byte{{}, jpeg}, false},
	} {
		o := parsed(t, row.Encode(uid.RLELossless))
		o.TransferSyntaxUID = c.syntax
		o.Put(&object.Element{Tag: object.PixelData, VR: "OB", Fragments: c.fragments})
		if got := pixels.Clean(o, o); got != c.ok {
			t.Errorf("%s: cleaned %v, want %v", c.name, got, c.ok)
		}
	}
	o := parsed(t, row.Encode(uid.ExplicitVRLittleEndian))
	o.Put(&object.Element{Tag: 0x00280100, VR: "US", Value: le(32)})
	if pixels.Clean(o, o) {
		t.Error("pixels of 32 bits are cleaned")
	}
	o = parsed(t, row.Encode(uid.RLELossless))
	o.Put(&object.Element{Tag: object.PixelData, VR: "OB", Fragments: [][]byte{[]byte("Vogelsang "), frame}})
	if !pixels.Clean(o, o) || len(o.Find(object.PixelData).Fragments[0]) > 0 {
		t.Error("a name stays in the Basic Offset Table")
	}
}

// Whatever a codestream is, Clean ends, does not change it in place, and finds its own copy
// clean.
func FuzzCodestreams(f *testing.F) {
	row := dicomtest.Image{Rows: 1, Columns: 4, Bits: 16, Stored: 12, Photometric: "MONOCHROME2", Pixels: []int{1, 2, 3, 4}}
	syntaxes := []string{uid.RLELossless, uid.JPEGBaseline8Bit, uid.JPEGLSLossless, uid.JPEG2000}
	f.Add(0, parsed(f, row.Encode(uid.RLELossless)).Find(object.PixelData).Fragments[1])
	for _, s := range streams(f) {
		code := described(s.Frame.TransferSyntaxUID, s.Frame.Code[0])
		f.Add(slices.Index(syntaxes, s.Frame.TransferSyntaxUID), code)
	}
	f.Fuzz(func(t *testing.T, syntax int, code []byte) {
		o := parsed(t, row.Encode(uid.RLELossless))
		o.TransferSyntaxUID = syntaxes[uint(syntax)%4]
		before := slices.Clone(code)
		o.Put(&object.Element{Tag: object.PixelData, VR: "OB", Fragments: [][]byte{{}, code[:len(code):len(code)]}})
		if ok := pixels.Clean(o, o); !bytes.Equal(before, code) {
			t.Error("changed in place")
		} else if !ok {
			return
		}
		once := o.Find(object.PixelData).Fragments
		if !pixels.Clean(o, o) || !slices.EqualFunc(once, o.Find(object.PixelData).Fragments, bytes.Equal) {
			t.Error("the clean copy is changed")
		}
	})
}
