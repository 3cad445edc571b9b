package uid_test

import (
	"strings"
	"testing"

	"dicomnode/internal/uid"
)

func TestCheck(t *testing.T) {
	for s, want := range map[string]bool{
		"1.2.840.10008.1.1": true, "2.25.0": true, "1": true, "0": true, "2.0.1": true, "1.02": true, "00.1": true,
		"": false, "1..2": false, ".1": false, "1.": false, ".": false, "1.a": false, "1.2 ": false, "../../etc": false, "1.2\x00": false,
		strings.Repeat("1", 64): true, strings.Repeat("1", 65): false,
	} {
		if err := uid.Check(s); (err == nil) != want || uid.Valid(s) != want {
			t.Errorf("%q: got %v, want valid = %v", s, err, want)
		}
	}
}

func TestName(t *testing.T) {
	for s, want := range map[string]string{
		uid.ImplicitVRLittleEndian: "Implicit VR Little Endian",
		uid.HTJ2K:                  "High-Throughput JPEG 2000 Image Compression",
		uid.SegmentationStorage:    "Segmentation Storage",
		"1.2.3":                    "1.2.3",
		"DOE^JOHN\n1":              "????????" + "?1",
		strings.Repeat("1", 100):   strings.Repeat("1", 64),
	} {
		if got := uid.Name(s); got != want {
			t.Errorf("%s: got %q, want %q", s, got, want)
		}
	}
}

func TestCheckAETitle(t *testing.T) {
	for title, want := range map[string]string{
		"XNET": "", "A": "", "SIXTEEN_LETTERS_": "", " PADDED ": "",
		"": "empty", "   ": "empty", "SEVENTEEN_LETTERS": "17 characters, at most 16",
		`A\B`: "PS3.5 6.2 forbids", "RÖNTGEN": "PS3.5 6.2 forbids", "A\x00": "PS3.5 6.2 forbids",
	} {
		err := uid.CheckAETitle(title)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", title, err, want)
		}
	}
}
