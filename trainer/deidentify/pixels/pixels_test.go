package pixels_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"dicomnode/internal/codec"
	"dicomnode/internal/codec/codectest"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/pixels"
)

const name = "Vogelsang^Kanarina"

// parsed returns the object in a file.
func parsed(t testing.TB, file []byte) *object.Object {
	t.Helper()
	o, err := object.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// cleaned returns o as a file after Clean.
func cleaned(t testing.TB, o *object.Object) []byte {
	t.Helper()
	if !pixels.Clean(o, o) {
		t.Fatal("not cleaned")
	}
	o.PutText(0x00080016, "UI", uid.ComputedRadiographyImageStorage)
	o.PutText(0x00080018, "UI", "2.25.1")
	var b bytes.Buffer
	if err := o.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func segmentOf(marker byte, content string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xFF, marker}, uint16(2+len(content))), content...)
}

// described adds the names of a patient to a codestream: in comments and application data, and
// after its end.
func described(transferSyntax string, code []byte) []byte {
	code = bytes.TrimRight(code, "\x00") // padding
	switch transferSyntax {
	case uid.JPEG2000, uid.JPEG2000Lossless, uid.HTJ2K, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL:
		siz := 2 + 2 + int(binary.BigEndian.Uint16(code[4:]))
		code = slices.Concat(code[:siz], segmentOf(0x64, "\x00\x01"+name), code[siz:])
	default:
		code = slices.Concat(code[:2], segmentOf(0xE1, "Exif"+name), segmentOf(0xFE, name), []byte{0xFF}, segmentOf(0xE8, "SPIFF\x00"+name), code[2:])
	}
	return append(code, name...)
}

// Each codestream of the codec tests decodes to the same samples after it was cleaned, and
// nothing is left of what was added to it.
func TestCodestreams(t *testing.T) {
	pool := codectest.Open(t, codec.Options{})
	for _, s := range codectest.Streams(t) {
		plain := s.Image().Encode(s.Frame.TransferSyntaxUID)
		m := s.Image()
		m.Fragments[0] = described(s.Frame.TransferSyntaxUID, m.Fragments[0])
		if k := len(m.Fragments[0]) / 3; len(s.Name)%2 == 0 { // several fragments of a frame
			m.Fragments = [][]byte{m.Fragments[0][: k&^1 : k&^1], m.Fragments[0][k&^1:]}
		}
		for _, file := range [][]byte{plain, m.Encode(s.Frame.TransferSyntaxUID)} {
			out := cleaned(t, parsed(t, file))
			if bytes.Contains(out, []byte(name)) {
				t.Errorf("%s: the name is left", s.Name)
			}
			want, err := decode.Read(context.Background(), bytes.NewReader(plain), int64(len(plain)), pool)
			if err != nil {
				continue // in colour, or damaged on purpose
			}
			got, err := decode.Read(context.Background(), bytes.NewReader(out), int64(len(out)), pool)
			if err != nil || !slices.Equal(got.Samples, want.Samples) {
				t.Errorf("%s: samples differ: %v", s.Name, err)
			}
			if again := cleaned(t, parsed(t, out)); !bytes.Equal(again, out) {
				t.Errorf("%s: a clean object is changed", s.Name)
			}
		}
	}
}

// streams returns one stream of each family, as seeds.
func streams(tb testing.TB) (list []codectest.Stream) {
	for _, s := range codectest.Streams(tb) {
		if !slices.ContainsFunc(list, func(have codectest.Stream) bool { return have.Frame.TransferSyntaxUID == s.Frame.TransferSyntaxUID }) {
			list = append(list, s)
		}
	}
	return list
}
