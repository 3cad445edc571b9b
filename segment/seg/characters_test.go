package seg_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/segment/seg"
	"dicomnode/segment/segmenttest"
)

// characters makes a segmentation of an image whose name and description stand in
// the character sets declared, and returns its data set.
func characters(t *testing.T, declared, name, description string) []byte {
	t.Helper()
	img, res := segmenttest.Radiograph(t, 8, 10,
		dicomtest.Attribute{Tag: 0x00080005, VR: "CS", Value: declared},
		dicomtest.Attribute{Tag: 0x00080090, VR: "PN", Value: name},
		dicomtest.Attribute{Tag: 0x00081030, VR: "LO", Value: description})
	opt := segOptions(seg.Display)
	opt.ProductName = "Clínica"
	s, err := seg.New(img, res, opt)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := s.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// values are the outermost attributes of a data set without undefined lengths.
func values(t *testing.T, b []byte) map[tag.Tag]string {
	t.Helper()
	all := map[tag.Tag]string{}
	for e, err := range part10.Elements(b, "1.2.840.10008.1.2.1") {
		if err != nil {
			t.Fatal(err)
		}
		all[tag.Tag{Group: uint16(e.Tag >> 16), Element: uint16(e.Tag)}] = strings.TrimRight(string(e.Value), " ")
	}
	return all
}

// TestSEGCharacters: whatever the source is written in, the segmentation is UTF-8.
func TestSEGCharacters(t *testing.T) {
	for _, c := range []struct{ declared, name, want string }{
		{`\ISO 2022 IR 149`, "Kim^Cheolsu=\x1b$)C\xb1\xe8^\x1b$)C\xc3\xb6\xbc\xf6", "Kim^Cheolsu=김^철수"},
		{"ISO_IR 166", "\xca\xc1\xaa\xd2\xc2", "สมชาย"},
		{"GBK", "Wang=\x81\x5c", "Wang=乗"},
		{"", "Müller", "Müller"},
		{"ISO_IR 192", "M\xfcller", "Müller"},
	} {
		got := values(t, characters(t, c.declared, c.name, "X"))
		if got[tag.ReferringPhysicianName] != c.want || got[tag.SpecificCharacterSet] != "ISO_IR 192" || got[tag.ManufacturerModelName] != "Clínica" {
			t.Errorf("%q: name %q in %q, model %q; want %q", c.declared, got[tag.ReferringPhysicianName], got[tag.SpecificCharacterSet], got[tag.ManufacturerModelName], c.want)
		}
	}
}

// TestSEGCharactersAsIs: what nothing decodes is passed on byte by byte in the
// source's character set, and what the segmentation itself says is ASCII.
func TestSEGCharactersAsIs(t *testing.T) {
	const declared = `ISO 2022 IR 100\ISO 2022 IR 165`
	name, description := "Kim=\x1b$)E\xb0\xa1", "Gel\xe4nk"
	b := characters(t, declared, name, description)
	got := values(t, b)
	if got[tag.SpecificCharacterSet] != declared || got[tag.ReferringPhysicianName] != name || got[tag.StudyDescription] != description {
		t.Errorf("%q: name %q, description %q", got[tag.SpecificCharacterSet], got[tag.ReferringPhysicianName], got[tag.StudyDescription])
	}
	if got[tag.ManufacturerModelName] != "Cl?nica" || bytes.Contains(b, []byte("í")) {
		t.Errorf("two encodings in one data set: model %q", got[tag.ManufacturerModelName])
	}
}

// TestSEGKeepsTheShapeOfPixels: without a spacing, pixels that are not square have their
// aspect ratio, in Pixel Spacing or, where the profile has none, as such.
func TestSEGKeepsTheShapeOfPixels(t *testing.T) {
	for profile, want := range map[seg.Profile]string{
		seg.Display: "\x28\x00\x30\x00DS\x04\x002\\1 ",
		seg.Strict:  "\x28\x00\x34\x00IS\x04\x002\\1 ",
	} {
		img, res := segmenttest.Radiograph(t, 8, 10, dicomtest.Attribute{Tag: 0x00280034, VR: "IS", Value: `2\1`})
		s, err := seg.New(img, res, segOptions(profile))
		if err != nil {
			t.Fatal(err)
		}
		file := segmenttest.File(t, s.SOPClassUID(), s)
		segmenttest.MustBeClean(t, "Segmentation", file)
		if !bytes.Contains(file, []byte(want)) {
			t.Errorf("%s: no aspect ratio", profile)
		}
	}
}
