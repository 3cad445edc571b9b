// Package segmenttest makes a radiograph with its regions, and judges the files that
// are written of them, for the tests of the packages that write results. It is imported
// by tests only.
package segmenttest

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

// Created dates the results, Product makes them.
var (
	Created = time.Date(2026, 3, 1, 3, 4, 5, 0, time.UTC)
	Product = iod.Equipment{Manufacturer: "dicomnode", ModelName: "XNet Node", SerialNumber: "node-1", SoftwareVersions: "1.2"}
)

// Radiograph is a synthetic DX image, and regions as its picture shows them: a bar of
// bone in a limb, and a first row that is unexposed. extra attributes are added to the
// image's header.
func Radiograph(t testing.TB, rows, cols int, extra ...dicomtest.Attribute) (*decode.Image, *segment.Result) {
	t.Helper()
	m := dicomtest.DX(rows, cols, 100)
	m.Extra = append(m.Extra, extra...)
	m.Extra = append(m.Extra,
		dicomtest.Attribute{Tag: 0x00080020, VR: "DA", Value: "20260228"},
		dicomtest.Attribute{Tag: 0x00080030, VR: "TM", Value: "101112"},
		dicomtest.Attribute{Tag: 0x00100010, VR: "PN", Value: "Test^Person"},
		dicomtest.Attribute{Tag: 0x00100020, VR: "LO", Value: "T-1"},
		dicomtest.Attribute{Tag: 0x0020000D, VR: "UI", Value: "1.2.3.4.2"},
		dicomtest.Attribute{Tag: 0x0020000E, VR: "UI", Value: "1.2.3.4.3"},
		dicomtest.Attribute{Tag: 0x00200010, VR: "SH", Value: "S1"})
	b := m.Encode(uid.ExplicitVRLittleEndian)
	img, err := decode.Read(t.Context(), bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return img, regions(rows, cols)
}

func regions(rows, cols int) *segment.Result {
	n := rows * cols
	res := &segment.Result{
		Rows: rows, Columns: cols, Field: make(picture.Mask, n), Frames: 1, Frame: 1,
		Model: segment.Model{Name: "XNet-16", Digest: "0123456789abcdef"}, ConfigDigest: "c0ffee",
		Masks: segment.Masks{Open: make(picture.Mask, n), Soft: make(picture.Mask, n), Bone: make(picture.Mask, n), HighPrecisionSoft: make(picture.Mask, n)},
	}
	for i := range n {
		c := i % cols
		res.Field[i] = i >= cols
		switch {
		case !res.Field[i]:
		case c > 2*cols/5 && c < 3*cols/5:
			res.Masks.Bone[i] = true
		case c > cols/4 && c < 3*cols/4:
			res.Masks.Soft[i] = true
			res.Masks.HighPrecisionSoft[i] = c < 2*cols/5
		default:
			res.Masks.Open[i] = true
		}
	}
	return res
}

// Result is an object that was made of a radiograph.
type Result interface {
	UID() string
	Encode(io.Writer) error
}

// File is a result as a Part 10 file.
func File(t testing.TB, sopClassUID string, r Result) []byte {
	t.Helper()
	var b bytes.Buffer
	meta := part10.Meta{SOPClassUID: sopClassUID, SOPInstanceUID: r.UID(), TransferSyntaxUID: uid.ExplicitVRLittleEndian}
	if err := part10.WriteMeta(&b, meta); err != nil {
		t.Fatal(err)
	}
	if err := r.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// MustBeClean has dciodvfy find neither errors nor warnings in a file, but for lines
// that hold one of the known words, and call its IOD by name.
func MustBeClean(t *testing.T, iodName string, file []byte, known ...string) {
	t.Helper()
	dciodvfy, err := exec.LookPath("dciodvfy")
	if err != nil {
		if os.Getenv("REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip("dciodvfy is not installed")
	}
	path := filepath.Join(t.TempDir(), "file.dcm")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(dciodvfy, path).CombinedOutput()
	if !strings.Contains(string(out), iodName) {
		t.Fatalf("dciodvfy does not call it %s: %v\n%s", iodName, err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.TrimSpace(line) != iodName && !containsAny(line, known) {
			t.Errorf("dciodvfy: %s", line)
		}
	}
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
