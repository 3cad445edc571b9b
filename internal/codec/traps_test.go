package codec_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"dicomnode/internal/codec"
	"dicomnode/internal/codec/codectest"
)

// Changes that encoders and archives make to intact codestreams; each must give the samples of
// the original stream.
func TestOddButWhole(t *testing.T) {
	p := codectest.Open(t, codec.Options{})
	jpeg2000 := func(name string) bool { return strings.Contains(name, ".9") || strings.Contains(name, ".20") }
	beforeEnd := func(code []byte, extra ...byte) []byte {
		return slices.Insert(bytes.Clone(code), len(code)-2, extra...)
	}
	for _, c := range []struct {
		name   string
		suits  func(name string) bool
		change func(code []byte) []byte
	}{
		{"zeros after the end", nil, func(code []byte) []byte { return append(bytes.Clone(code), 0, 0, 0, 0) }},
		{"one zero before the end", nil, func(code []byte) []byte { return beforeEnd(code, 0) }},
		{"five zeros before the end", nil, func(code []byte) []byte { return beforeEnd(code, 0, 0, 0, 0, 0) }},
		{"COM before the end", jpeg2000, func(code []byte) []byte {
			return beforeEnd(code, append([]byte{0xff, 0x64, 0, 11, 0, 1}, "PADDING"...)...)
		}},
	} {
		n := 0
		for _, s := range codectest.Streams(t) {
			if c.suits != nil && !c.suits(s.Name) || !bytes.HasSuffix(s.Frame.Code[0], []byte{0xff, 0xd9}) {
				continue
			}
			n++
			s.Frame.Code = [][]byte{c.change(s.Frame.Code[0])}
			if px, err := codectest.Decode(t.Context(), p, s.Frame); err != nil {
				t.Errorf("%s, %s: %v", s.Name, c.name, err)
			} else if worst := s.Furthest(px); worst > 1 || s.Exact && worst > 0 {
				t.Errorf("%s, %s: differs by %d", s.Name, c.name, worst)
			}
		}
		if n < 20 {
			t.Errorf("%s: only %d streams were tried", c.name, n)
		}
	}
}

// A codestream may be divided into fragments at any place (PS3.5 A.4); long ones are not
// joined.
func TestParts(t *testing.T) {
	p := codectest.Open(t, codec.Options{})
	for _, s := range codectest.Streams(t) {
		code := s.Frame.Code[0]
		long := append(bytes.Clone(code), make([]byte, 3<<12)...) // zeros after the end
		for name, parts := range map[string][][]byte{
			"in its end": {code[:len(code)-1], code[len(code)-1:]},
			"short":      slices.Collect(slices.Chunk(code, 5)),
			"long":       {long[:len(code)-1], long[len(code)-1:]},
		} {
			s.Frame.Code = parts
			if px, err := codectest.Decode(t.Context(), p, s.Frame); err != nil {
				t.Errorf("%s, %s: %v", s.Name, name, err)
			} else if worst := s.Furthest(px); worst > 1 || s.Exact && worst > 0 {
				t.Errorf("%s, %s: differs by %d", s.Name, name, worst)
			}
		}
	}
}

// OpenJPEG decodes what OpenJPH may refuse: a JP2 file (T.800 annex I), which PS3.5 A.4.4
// forbids and some encoders write.
func TestBoxes(t *testing.T) {
	p := codectest.Open(t, codec.Options{})
	box := func(kind string, content ...byte) []byte {
		return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(content))), kind...), content...)
	}
	n := 0
	for _, s := range codectest.Streams(t) {
		if !strings.Contains(s.Name, ".20") || s.Frame.Samples != 1 {
			continue
		}
		n++
		ihdr := append([]byte{0, 0, 0, byte(s.Frame.Rows), 0, 0, 0, byte(s.Frame.Columns), 0, 1}, 255, 7, 0, 0)
		s.Frame.Code = [][]byte{slices.Concat(box("jP  ", []byte("\r\n\x87\n")...), box("ftyp", []byte("jph \x00\x00\x00\x00jph ")...),
			box("jp2h", slices.Concat(box("ihdr", ihdr...), box("bpcc", byte(s.Bits-1)), box("colr", 1, 0, 0, 0, 0, 0, 17))...),
			box("jp2c", s.Frame.Code[0]...))}
		if px, err := codectest.Decode(t.Context(), p, s.Frame); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		} else if worst := s.Furthest(px); worst > 1 || s.Exact && worst > 0 {
			t.Errorf("%s: differs by %d", s.Name, worst)
		}
	}
	if n < 8 {
		t.Errorf("only %d streams were tried", n)
	}
}

// An intact 12-bit file of DCMTK's encoder makes libjpeg warn about its SOS parameters (T.81
// B.2.3). That warning alone is harmless, and does not hide others.
func TestJPEGWarnings(t *testing.T) {
	p := codectest.Open(t, codec.Options{})
	for _, s := range codectest.Streams(t) {
		if s.Name != "u12.51.dcmtk" {
			continue
		}
		at := bytes.Index(s.Frame.Code[0], []byte{0xff, 0xda, 0, 8, 1})
		if at < 0 {
			t.Fatal("no SOS marker")
		}
		s.Frame.Code[0][at+8] = 0 // Se, the last spectral coefficient: 63 in the sequential process
		px, err := codectest.Decode(t.Context(), p, s.Frame)
		if err != nil || s.Furthest(px) != 0 || !strings.Contains(px.Warning, "Invalid SOS parameters") {
			t.Errorf("%q %v", px.Warning, err)
		}
		code := bytes.Clone(s.Frame.Code[0])
		copy(code[at+200:], []byte{0xff, 0xd0}) // a restart marker that nobody announced
		s.Frame.Code = [][]byte{code}
		if _, err := codectest.Decode(t.Context(), p, s.Frame); !errors.Is(err, codec.ErrMalformed) || !strings.Contains(err.Error(), "orrupt") {
			t.Errorf("the second warning: %v", err)
		}
		return
	}
	t.Fatal("no such stream")
}
