package nodetest

import (
	"os"
	"path/filepath"
	"testing"

	"dicomnode/internal/codec/codectest"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/iod"
	"dicomnode/internal/uid"
)

// Instance gives a synthetic picture what a DX For Presentation image (PS3.3 A.26) needs
// to be received and segmented. name is what its UIDs are made of.
func Instance(m dicomtest.Image, name string) dicomtest.Image {
	m.Extra = append(m.Extra, []dicomtest.Attribute{
		{Tag: 0x00080008, VR: "CS", Value: `ORIGINAL\PRIMARY`},
		{Tag: 0x00080016, VR: "UI", Value: uid.DigitalXRayImageStorageForPresentation}, {Tag: 0x00080018, VR: "UI", Value: iod.UID("test image", name)},
		{Tag: 0x00080020, VR: "DA", Value: "20200101"}, {Tag: 0x00080030, VR: "TM", Value: "120000"}, {Tag: 0x00080060, VR: "CS", Value: "DX"},
		{Tag: 0x00080068, VR: "CS", Value: "FOR PRESENTATION"}, {Tag: 0x00080070, VR: "LO", Value: "dicomnode"},
		{Tag: 0x00100010, VR: "PN", Value: "Simulated^Limb"}, {Tag: 0x00100020, VR: "LO", Value: "SIMULATED"}, {Tag: 0x00180015, VR: "CS", Value: "ARM"},
		{Tag: 0x0020000D, VR: "UI", Value: iod.UID("test study", name)}, {Tag: 0x0020000E, VR: "UI", Value: iod.UID("test series", name)},
		{Tag: 0x00200013, VR: "IS", Value: 1}, {Tag: 0x00200020, VR: "CS", Value: `L\F`},
	}...)
	return m
}

// EverySyntax writes one small image in each transfer syntax of the JPEG families, as
// SYNTAX.dcm, and returns the files. Each is an instance of its own.
func EverySyntax(t testing.TB) (files []string) {
	t.Helper()
	dir, seen := t.TempDir(), map[string]bool{}
	for _, s := range codectest.Streams(t) {
		syntax := s.Frame.TransferSyntaxUID
		if seen[syntax] || s.Frame.Samples != 1 {
			continue
		}
		seen[syntax] = true
		path := filepath.Join(dir, syntax+".dcm")
		if err := os.WriteFile(path, Instance(s.Image(), s.Name).Encode(syntax), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	if len(files) != 11 {
		t.Fatalf("%d syntaxes", len(files))
	}
	return files
}
