package codec

import (
	"bytes"
	"slices"
	"testing"
)

// tilePart returns a tile-part with n bytes of data (T.800 A.4.2).
func tilePart(n int) []byte {
	length := 12 + 2 + n
	head := []byte{0xff, 0x90, 0, 10, 0, 0, 0, 0, byte(length >> 8), byte(length), 0, 1, 0xff, 0x93}
	return append(head, bytes.Repeat([]byte{0x55}, n)...)
}

func TestTidyTileParts(t *testing.T) {
	head := []byte{0xff, 0x4f, 0xff, 0x52, 0, 4, 1, 2} // SOC and a marker segment
	comment := []byte{0xff, 0x64, 0, 9, 0, 1, 'P', 'A', 'D', 'D', 'I'}
	eoc := []byte{0xff, 0xd9}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	whole := join(head, tilePart(5), tilePart(7), eoc)
	toTheEnd := join(head, tilePart(5), eoc)
	copy(toTheEnd[len(head)+6:], []byte{0, 0, 0, 0})
	for _, c := range []struct {
		name       string
		code, want []byte
	}{
		{"whole", whole, whole},
		{"COM before EOC", join(head, tilePart(5), tilePart(7), comment, eoc), whole},
		{"zeros before EOC", join(head, tilePart(5), tilePart(7), make([]byte, 40), eoc), whole},
		{"no EOC", join(head, tilePart(5), tilePart(7)), whole},
		{"zeros after EOC", join(whole, make([]byte, 8)), join(whole, make([]byte, 8))},
		{"last tile-part to the end", toTheEnd, toTheEnd},
		{"cut in a tile-part", whole[:len(whole)-6], whole[:len(whole)-6]},
		{"no tile-part", head, head},
		{"empty", nil, nil},
		{"a marker segment of no length", []byte{0xff, 0x4f, 0xff, 0x52, 0, 0, 0, 0, 0, 0}, []byte{0xff, 0x4f, 0xff, 0x52, 0, 0, 0, 0, 0, 0}},
	} {
		before := bytes.Clone(c.code)
		for size := range 20 {
			parts := split(c.code, size+1)
			if got := tidyTileParts(parts); !bytes.Equal(bytes.Join(got, nil), c.want) {
				t.Errorf("%s in parts of %d: % x, want % x", c.name, size+1, got, c.want)
			}
			if !bytes.Equal(before, c.code) || !bytes.Equal(before, bytes.Join(parts, nil)) {
				t.Errorf("%s: the caller's bytes were changed", c.name)
			}
		}
	}
}

// split divides code into parts of size bytes, with an empty part before each.
func split(code []byte, size int) (s stream) {
	for part := range slices.Chunk(code, size) {
		s = append(s, nil, part)
	}
	return s
}

// Long parts are not copied, many short ones are joined.
func TestNewStream(t *testing.T) {
	long := make([]byte, leastPart)
	if s := newStream([][]byte{long, long}); len(s) != 2 || &s[1][0] != &long[0] {
		t.Errorf("%d parts", len(s))
	}
	if s := newStream([][]byte{long, long[1:]}); len(s) != 1 || s.length() != 2*leastPart-1 {
		t.Errorf("%d parts of %d bytes", len(s), s.length())
	}
	if s := newStream(nil); s.length() != 0 || s.lastEnd() != -1 {
		t.Errorf("%v", s)
	}
}

func TestWithoutPadding(t *testing.T) {
	for _, c := range []struct {
		code string
		want []string
	}{
		{"ab\xff\xd9", nil},
		{"ab\x00\xff\xd9", []string{"ab\xff\xd9"}},
		{"ab\x00\x00\x00\x00\xff\xd9\x00", []string{"ab\xff\xd9", "ab\x00\xff\xd9", "ab\x00\x00\xff\xd9"}},
		{"ab\x00\x00", nil},
	} {
		for size := range 8 {
			var got []string
			for _, s := range withoutPadding(split([]byte(c.code), size+1)) {
				got = append(got, string(bytes.Join(s, nil)))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q in parts of %d: %q, want %q", c.code, size+1, got, c.want)
			}
		}
	}
}
