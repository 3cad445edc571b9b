package ul_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dicomnode/internal/ul"
)

// recordings are the PDUs in testdata/pdu, by file name, which DCMTK sent. Each file is one PDU
// in hexadecimal; a line that begins with # is a comment.
func recordings(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/pdu/*.hex")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recorded PDUs in testdata/pdu: %v", err)
	}
	recorded := map[string][]byte{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var digits strings.Builder
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "#") {
				digits.WriteString(strings.TrimSpace(line))
			}
		}
		b, err := hex.DecodeString(digits.String())
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		recorded[filepath.Base(path)] = b
	}
	return recorded
}

// TestRecorded: every recorded PDU has the length in its header, can be decoded, and is encoded
// again to a PDU with the same meaning.
func TestRecorded(t *testing.T) {
	for name, b := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			if len(b) < 6 || binary.BigEndian.Uint32(b[2:]) != uint32(len(b)-6) {
				t.Fatalf("%d bytes are not one PDU", len(b))
			}
			first, err := ul.Decode(b[0], b[6:])
			if err != nil {
				t.Fatal(err)
			}
			again, err := ul.Encode(first)
			if err != nil {
				t.Fatal(err)
			}
			if _, associate := first.(*ul.Associate); !associate && !bytes.Equal(again, b) {
				t.Errorf("encoded again: got %x, want %x", again, b)
			}
			second, err := ul.Decode(again[0], again[6:])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(first, second, sameMeaning); diff != "" {
				t.Errorf("(-first +second):\n%s", diff)
			}
		})
	}
}

// FuzzPDU: a PDU that can be decoded can be encoded, and decoding it again gives the same PDU.
func FuzzPDU(f *testing.F) {
	for _, p := range pdus {
		b, err := ul.Encode(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, b := range recordings(f) {
		f.Add(b)
	}
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 6 || len(b) > ul.MaxAssociateLength {
			return
		}
		p, err := ul.Decode(b[0], b[6:])
		if err != nil {
			return
		}
		again, err := ul.Encode(p)
		if err != nil {
			if _, associate := p.(*ul.Associate); associate {
				return // AE titles are not checked when decoding
			}
			t.Fatalf("decoded but cannot encode: %v", err)
		}
		q, err := ul.Decode(again[0], again[6:])
		if err != nil {
			t.Fatalf("encoded but cannot decode: %v", err)
		}
		if diff := cmp.Diff(p, q, sameMeaning); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
	})
}
