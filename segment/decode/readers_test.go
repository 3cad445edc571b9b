package decode_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
)

// FuzzReadersAgree: the decoder reads whatever the receiver accepts. It may refuse an image,
// but never its encoding or values.
func FuzzReadersAgree(f *testing.F) {
	for i, ts := range syntaxes {
		f.Add(dataset(dicomtest.DX(6, 5, 10).Encode(ts)), uint8(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		ts := syntaxes[int(which)%len(syntaxes)]
		var file bytes.Buffer
		if err := part10.WriteMeta(&file, part10.Meta{SOPClassUID: "1.2", SOPInstanceUID: "1.2", TransferSyntaxUID: ts}); err != nil {
			t.Fatal(err)
		}
		file.Write(data)
		_, stored := part10.Scan(bytes.NewReader(data), ts)
		img, err := decode.Read(context.Background(), &file, int64(file.Len()), nil)
		var syntax *part10.SyntaxError
		if stored == nil && (errors.As(err, &syntax) || err != nil && strings.Contains(err.Error(), "parse data set")) {
			t.Fatalf("stored, but not read: %v", err)
		}
		if err == nil && len(img.Samples) != img.Rows*img.Columns {
			t.Errorf("%d samples of %d×%d", len(img.Samples), img.Rows, img.Columns)
		}
	})
}

// TestDecodeForgives: contradictory attributes of the pixels, and a frame in several fragments.
func TestDecodeForgives(t *testing.T) {
	base := dicomtest.DX(4, 6, 10)
	plain := base.Encode(uid.ExplicitVRLittleEndian)
	want := read(t, plain)
	set := func(tag, value string) func([]byte) []byte { // both as encoded
		return func(b []byte) []byte {
			at := bytes.Index(b, []byte(tag))
			return slices.Concat(b[:at+len(tag)], []byte(value), b[at+len(tag)+len(value):])
		}
	}
	drop := func(tag string, n int) func([]byte) []byte {
		return func(b []byte) []byte {
			at := bytes.Index(b, []byte(tag))
			return slices.Concat(b[:at], b[at+n:])
		}
	}
	frames := base
	frames.Extra = append(slices.Clone(base.Extra), dicomtest.Attribute{Tag: 0x00280008, VR: "IS", Value: "0 "})
	for name, c := range map[string]struct {
		file  []byte
		fault part10.Fault
	}{
		"16 bits stored, high bit 11": {set("\x28\x00\x02\x01US\x02\x00", "\x0b\x00")(set("\x28\x00\x01\x01US\x02\x00", "\x10\x00")(plain)), part10.LowHighBit},
		"no Bits Stored":              {drop("\x28\x00\x01\x01US\x02\x00", 10)(drop("\x28\x00\x02\x01US\x02\x00", 10)(plain)), part10.NoBitsStored},
		"no frames":                   {frames.Encode(uid.ExplicitVRLittleEndian), part10.NoFrames},
		"pixels in VR OX":             {bytes.Replace(plain, []byte("\xe0\x7f\x10\x00OW"), []byte("\xe0\x7f\x10\x00OX"), 1), part10.UnknownVR},
		"pixels in VR ox":             {bytes.Replace(plain, []byte("\xe0\x7f\x10\x00OW"), []byte("\xe0\x7f\x10\x00ox"), 1), part10.BlankVR},
	} {
		got := read(t, c.file)
		if !slices.Equal(got.Samples, want.Samples) || !got.Forgiven.Has(c.fault) {
			t.Errorf("%s: samples equal: %v, forgiven %q", name, slices.Equal(got.Samples, want.Samples), got.Forgiven)
		}
	}
}

// TestDecodeRLEFragments: one frame in two fragments, and two frames in three fragments that
// the Basic Offset Table separates (PS3.5 A.4).
func TestDecodeRLEFragments(t *testing.T) {
	one := dicomtest.DX(6, 5, 10)
	file := one.Encode(uid.RLELossless)
	want := read(t, file)
	start := bytes.Index(file, []byte("\xe0\x7f\x10\x00OB"))
	frame := file[start+12+8+8 : len(file)-8]
	item := func(b []byte) []byte {
		return slices.Concat([]byte{0xFE, 0xFF, 0x00, 0xE0, byte(len(b)), byte(len(b) >> 8), 0, 0}, b)
	}
	end := file[len(file)-8:]
	halves := slices.Concat(item(frame[:40]), item(frame[40:]))
	two := slices.Concat(file[:start+12], item(nil), halves, end)
	if got := read(t, two); !slices.Equal(got.Samples, want.Samples) {
		t.Error("a frame in two fragments is decoded otherwise")
	}
	run := one
	run.Extra = append(slices.Clone(one.Extra), dicomtest.Attribute{Tag: 0x00280008, VR: "IS", Value: "2 "})
	head := run.Encode(uid.RLELossless)
	head = head[:bytes.Index(head, []byte("\xe0\x7f\x10\x00OB"))+12]
	second := len(halves)
	table := item([]byte{0, 0, 0, 0, byte(second), byte(second >> 8), 0, 0})
	if got := read(t, slices.Concat(head, table, halves, item(frame), end)); !slices.Equal(got.Samples, want.Samples) || got.Frames != 2 {
		t.Error("two frames in three fragments are decoded otherwise")
	}
	file = slices.Concat(head, item(nil), halves, item(frame), end)
	if _, err := decode.Read(context.Background(), bytes.NewReader(file), int64(len(file)), nil); !errors.Is(err, decode.ErrMalformed) || !strings.Contains(err.Error(), "3 fragments for 2 frames") {
		t.Errorf("three fragments without offsets: %v", err)
	}
}
