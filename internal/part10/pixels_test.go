package part10_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"dicomnode/internal/codec/codectest"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// offsets encodes a table of offsets with items of 4 bytes, as in the Basic Offset Table, or of
// 8, as in the Extended Offset Table (7FE0,0001).
func offsets(size int, values ...uint64) (b []byte) {
	for _, v := range values {
		if size == 4 {
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		} else {
			b = binary.LittleEndian.AppendUint64(b, v)
		}
	}
	return b
}

// twoFrames returns files with each stream's codestream twice, with offset tables that a writer
// may give.
func twoFrames(tb testing.TB, basic []byte, extended ...uint64) (files map[string][]byte) {
	files = map[string][]byte{}
	for _, s := range codectest.Streams(tb) {
		m := s.Image()
		code := m.Fragments[0]
		if len(code)%2 == 1 { // fragments have even lengths (PS3.5 A.4)
			code = append(code, 0)
		}
		m.Fragments, m.Offsets = [][]byte{code, code}, basic
		m.Extra = append(m.Extra, dicomtest.Attribute{Tag: 0x00280008, VR: "IS", Value: 2})
		if extended != nil {
			m.Extra = append(m.Extra,
				dicomtest.Attribute{Tag: 0x7FE00001, VR: "OV", Value: offsets(8, extended...)},
				dicomtest.Attribute{Tag: 0x7FE00002, VR: "OV", Value: offsets(8, uint64(len(code)), uint64(len(code)))})
		}
		files[s.Name] = m.Encode(s.Frame.TransferSyntaxUID)
	}
	return files
}

// The frames of all families are found with an Extended Offset Table (PS3.3 C.7.6.3.1.8), which
// requires one fragment per frame and an empty Basic Offset Table. Its content is not used.
func TestExtendedOffsetTable(t *testing.T) {
	for name, extended := range map[string][]uint64{"right": {0, 2000}, "empty": {}, "wrong": {1 << 40, 7}, "too long": {0, 1, 2, 3, 4}} {
		for stream, file := range twoFrames(t, nil, extended...) {
			o, err := part10.Read(file)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, stream, err)
			}
			for i := range 2 {
				code, err := o.Pixels.Frame(i, 2)
				if err != nil || len(code) != 1 || !bytes.Equal(code[0], o.Pixels.Fragments[i]) || len(o.Pixels.Fragments) != 2 {
					t.Errorf("%s, %s, frame %d: %d fragments, %v", name, stream, i+1, len(code), err)
				}
			}
		}
	}
}

// FuzzEncapsulation: for any fragments and offset tables, a frame is a sequence of the file's
// fragments or an error. The seeds are of all families.
func FuzzEncapsulation(f *testing.F) {
	for _, files := range []map[string][]byte{
		twoFrames(f, nil), twoFrames(f, offsets(4, 0, 2000)), twoFrames(f, offsets(4, 1, 0)), twoFrames(f, nil, 0, 2000),
	} {
		for _, file := range files {
			f.Add(file, uint8(2))
		}
	}
	three := dicomtest.Image{Rows: 2, Columns: 2, Bits: 8, Photometric: "MONOCHROME2", Offsets: offsets(4, 0, 18), Fragments: [][]byte{{1, 2}, {3, 4}, {5, 6}}}
	f.Add(three.Encode(uid.RLELossless), uint8(2))
	f.Fuzz(func(t *testing.T, file []byte, frames uint8) {
		o, err := part10.Read(file)
		if err != nil || !o.Pixels.Encapsulated {
			return
		}
		all := bytes.Join(o.Pixels.Fragments, nil)
		if len(all) > len(file) {
			t.Fatalf("%d bytes in fragments of a file of %d", len(all), len(file))
		}
		for i := range int(frames) {
			if code, err := o.Pixels.Frame(i, int(frames)); err == nil && !bytes.Contains(all, bytes.Join(code, nil)) {
				t.Errorf("frame %d of %d is not in the fragments", i+1, frames)
			}
		}
	})
}
