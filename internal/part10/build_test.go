package part10_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"slices"
	"testing"
)

// coder encodes data elements for tests, independently of the package.
type coder struct {
	explicit bool
	order    interface {
		binary.ByteOrder
		binary.AppendByteOrder
	}
}

var (
	implicitLE = coder{false, binary.LittleEndian}
	explicitLE = coder{true, binary.LittleEndian}
	explicitBE = coder{true, binary.BigEndian}
)

const open = 0xFFFFFFFF // undefined length

// head encodes tag, VR and length of an element.
func (c coder) head(tag uint32, vr string, length uint32) []byte {
	b := c.order.AppendUint16(nil, uint16(tag>>16))
	b = c.order.AppendUint16(b, uint16(tag))
	if !c.explicit || tag>>16 == 0xFFFE {
		return c.order.AppendUint32(b, length)
	}
	b = append(b, vr...)
	if slices.Contains([]string{"OB", "OW", "SQ", "UN", "UT"}, vr) {
		return c.order.AppendUint32(append(b, 0, 0), length)
	}
	return c.order.AppendUint16(b, uint16(length))
}

// el encodes an element with its value.
func (c coder) el(tag uint32, vr, value string) []byte {
	if len(value)%2 == 1 {
		value += map[bool]string{true: "\x00", false: " "}[vr == "UI"]
	}
	return append(c.head(tag, vr, uint32(len(value))), value...)
}

func (c coder) us(tag uint32, v uint16) []byte {
	return c.order.AppendUint16(c.head(tag, "US", 2), v)
}

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

// identity encodes the attributes of Header.
func (c coder) identity() []byte {
	return join(
		c.el(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.1.1"),
		c.el(0x00080018, "UI", "1.2.3.4"),
		c.el(0x00080060, "CS", "DX"),
		c.el(0x00081010, "SH", "ROOM 1"),
		c.el(0x00180015, "CS", "HAND"),
		c.el(0x0020000D, "UI", "1.2.3"),
		c.el(0x0020000E, "UI", "1.2.3.1"),
	)
}

// image encodes a small data set with nested sequences and native pixels.
func (c coder) image() []byte {
	inner := join(c.head(0xFFFEE000, "", 8+uint32(len(c.el(0x00080100, "SH", "X"))-8)), c.el(0x00080100, "SH", "X"))
	return join(
		c.identity(),
		c.us(0x00280010, 4), c.us(0x00280011, 4),
		c.head(0x00400555, "SQ", open),
		c.head(0xFFFEE000, "", open),
		c.head(0x0040A043, "SQ", uint32(len(inner))), inner,
		c.head(0xFFFEE00D, "", 0),
		c.head(0xFFFEE0DD, "", 0),
		c.el(0x7FE00010, "OW", string(make([]byte, 32))),
	)
}

// encapsulated encodes a data set with pixels in two fragments (PS3.5 A.4).
func encapsulated() []byte {
	c := explicitLE
	return join(
		c.identity(),
		c.head(0x7FE00010, "OB", open),
		c.head(0xFFFEE000, "", 0),
		c.head(0xFFFEE000, "", 4), []byte{1, 2, 3, 4},
		c.head(0xFFFEE000, "", 2), []byte{5, 6},
		c.head(0xFFFEE0DD, "", 0),
	)
}

// unknown encodes a UN element of undefined length, whose items are in implicit VR (PS3.5
// 6.2.2).
func unknown() []byte {
	c := explicitLE
	return join(
		c.identity(),
		c.head(0x00290010, "UN", open),
		c.head(0xFFFEE000, "", open), implicitLE.el(0x00080100, "", "AB"), c.head(0xFFFEE00D, "", 0),
		c.head(0xFFFEE0DD, "", 0),
		c.el(0x00400001, "SH", "after"),
	)
}

func deflate(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
