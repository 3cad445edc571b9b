package codec

import (
	"bytes"
	"testing"
)

// tilePart is a tile-part of n bytes of data, as T.800 A.4.2 lays it out.
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
		if got := tidyTileParts(c.code); !bytes.Equal(got, c.want) {
			t.Errorf("%s: % x, want % x", c.name, got, c.want)
		}
		if !bytes.Equal(before, c.code) {
			t.Errorf("%s: the caller's bytes were changed", c.name)
		}
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
		got := withoutPadding([]byte(c.code))
		if len(got) != len(c.want) {
			t.Errorf("%q: %q, want %q", c.code, got, c.want)
			continue
		}
		for i := range got {
			if string(got[i]) != c.want[i] {
				t.Errorf("%q: %q, want %q", c.code, got, c.want)
			}
		}
	}
}

func TestInterleave(t *testing.T) {
	if got := interleave([]byte("adbecf"), 3, 1); string(got) != "abcdef" {
		t.Errorf("%q", got)
	}
	if got := interleave([]byte("aAbBcCdD"), 2, 2); string(got) != "aAcCbBdD" {
		t.Errorf("%q", got)
	}
}
