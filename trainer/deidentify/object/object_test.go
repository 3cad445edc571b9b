package object_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/trainer/deidentify/object"
)

// A radiograph in many encodings gives the same tree, and after writing and reading it still
// does.
func TestEncodings(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(filepath.Dir(dicomtest.Shared(t, "dicom", "RG3_UNC.dcm")), "RG3_*.dcm"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, want 10 or more: %v", len(files), err)
	}
	native := map[[32]byte]bool{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Parse(b)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(f), err)
			continue
		}
		pixels := o.Find(object.PixelData)
		if pixels == nil || o.First(0x00080060) != "CR" {
			t.Errorf("%s: pixel data %v, modality %q", filepath.Base(f), pixels != nil, o.First(0x00080060))
			continue
		}
		if pixels.Fragments == nil {
			native[sha256.Sum256(pixels.Value)] = true
		}
		again := write(t, o)
		o2, err := object.Parse(again)
		if err != nil {
			t.Errorf("%s: written and read: %v", filepath.Base(f), err)
			continue
		}
		if third := write(t, o2); !bytes.Equal(again, third) {
			t.Errorf("%s: written twice, %d and %d bytes differ", filepath.Base(f), len(again), len(third))
		}
	}
	if len(native) != 1 {
		t.Errorf("native encodings of one image have %d different pixel data", len(native))
	}
}

func write(t *testing.T, o *object.Object) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := o.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// file returns a Part 10 file in explicit VR little endian with these elements.
func file(elements ...[]byte) []byte {
	b := append(make([]byte, 128), "DICM"...)
	b = append(b, element(0x00020010, "UI", []byte("1.2.840.10008.1.2.1\x00"))...)
	for _, e := range elements {
		b = append(b, e...)
	}
	return b
}

func element(t uint32, vr string, value []byte) []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(t>>16))
	b = append(binary.LittleEndian.AppendUint16(b, uint16(t)), vr...)
	if vr == "UN" || vr == "SQ" || vr == "OB" {
		return append(binary.LittleEndian.AppendUint32(append(b, 0, 0), uint32(len(value))), value...)
	}
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(value))), value...)
}

func implicit(t uint32, value string) []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(t>>16))
	b = binary.LittleEndian.AppendUint16(b, uint16(t))
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(value))), value...)
}

// Items in values of VR UN are parsed, in standard and private attributes (PS3.5 6.2.2).
func TestUnknownVR(t *testing.T) {
	name := implicit(0x00100010, "Smith^Jo")
	items := append(implicit(0xFFFEE000, ""), name...)
	binary.LittleEndian.PutUint32(items[4:], uint32(len(name)))
	o, err := object.Parse(file(element(0x00082218, "UN", items), element(0x00091001, "UN", items), element(0x00100020, "UN", []byte("123 "))))
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	o.Walk(func(s *object.Set, e *object.Element, path []part10.Tag) {
		if e.Tag == 0x00100010 && e.VR == "PN" && s.First(e.Tag) == "Smith^Jo" && len(path) == 1 {
			names++
		}
	})
	if names != 2 || o.First(0x00100020) != "123" {
		t.Errorf("%d names in items of VR UN, want 2; Patient ID %q, want 123", names, o.First(0x00100020))
	}
}

func TestMalformed(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty": nil, "no prefix": make([]byte, 200), "no transfer syntax": append(make([]byte, 128), "DICM"...),
		"length past the end": file([]byte{0x10, 0, 0x10, 0, 'P', 'N', 0xFF, 0}), "cut head": file([]byte{0x10, 0}),
		"item at the top": file(implicit(0xFFFEE000, "")),
	} {
		if _, err := object.Parse(b); !errors.Is(err, object.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

// FuzzParse: an object that can be read can be written, and reading it again gives the same.
func FuzzParse(f *testing.F) {
	f.Add(file(element(0x00100010, "PN", []byte("Smith^Jo"))))
	f.Add(file(element(0x00082218, "SQ", append(implicit(0xFFFEE000, ""), 0xFE, 0xFF, 0x0D, 0xE0))))
	f.Add(file(element(0x00091001, "UN", implicit(0xFFFEE000, ""))))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := object.Parse(b)
		if err != nil {
			return
		}
		o.PutText(0x00080016, "UI", "1.2.3")
		o.PutText(0x00080018, "UI", "1.2.4")
		var out bytes.Buffer
		if o.Write(&out) != nil {
			return
		}
		if _, err := object.Parse(out.Bytes()); err != nil && o.Find(object.PixelData) == nil {
			t.Fatalf("written object does not read: %v", err)
		}
	})
}
