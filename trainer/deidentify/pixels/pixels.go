// Package pixels removes from Pixel Data (7FE0,0010) what is not a pixel: bits that are not
// stored, in which older objects have overlays (PS3.5 8.1.2), bytes after the last pixel, and
// comments and application data of codestreams. Decoded samples never change. The package
// decodes nothing: it does not find text in the picture itself, nor bytes that a codestream has
// between the last sample and the next marker.
package pixels

import (
	"encoding/binary"
	"strconv"

	"dicomnode/internal/part10"
	"dicomnode/trainer/deidentify/object"
)

// Clean replaces Pixel Data of out by a clean copy of that of in, whose attributes describe it.
// It returns false if that is not possible, because the attributes or the codestream are
// damaged or unknown; then out is unchanged. Equal objects give equal copies, and what was clean
// keeps its bytes.
func Clean(out *object.Object, in *object.Object) bool {
	e := out.Find(object.PixelData)
	if e == nil {
		return true
	}
	l, ok := layoutOf(in.Set)
	if !ok {
		return false
	}
	clean := *e
	if e.Fragments == nil {
		clean.Value = l.native(e.Value)
	} else if clean.Fragments, ok = l.encapsulated(e.Fragments, in.TransferSyntaxUID); !ok {
		return false
	}
	out.Put(&clean)
	return true
}

// layout describes the pixels of an object (PS3.3 C.7.6.3, PS3.5 8.1.1).
type layout struct {
	pixels, samples, frames int // pixels of a frame
	allocated, stored, high int // bits
	signed                  bool
	subsampled              bool
}

// maxPixels is far above what can be decoded, and keeps products of sizes within an int.
const maxPixels = 1 << 32

// layoutOf reads the attributes. It accepts what package decode accepts: without Bits Stored all
// bits are stored, and an impossible High Bit is the last of those bits.
func layoutOf(s *object.Set) (l layout, ok bool) {
	rows, columns := number(s, 0x00280010, 0), number(s, 0x00280011, 0)
	l = layout{
		pixels: rows * columns, samples: number(s, 0x00280002, 1), frames: framesOf(s), allocated: number(s, 0x00280100, 0),
		signed: number(s, 0x00280103, 0) == 1, subsampled: s.First(0x00280004) == "YBR_FULL_422",
	}
	l.stored = number(s, 0x00280101, l.allocated)
	if l.high = number(s, 0x00280102, l.stored-1); l.high < l.stored-1 || l.high >= l.allocated {
		l.high = l.stored - 1
	}
	ok = l.pixels > 0 && l.samples > 0 && l.samples <= 4 && l.frames > 0 && l.pixels <= maxPixels/l.frames &&
		(l.allocated == 1 || l.allocated == 8 || l.allocated == 16) && l.stored > 0 && l.stored <= l.allocated
	return l, ok
}

// number returns the value of an attribute of VR US, otherwise if it has none, and −1 if it is
// not one number.
func number(s *object.Set, t part10.Tag, otherwise int) int {
	e := s.Find(t)
	switch {
	case e == nil || len(e.Value) == 0:
		return otherwise
	case e.VR != "US" || len(e.Value) != 2:
		return -1
	}
	return int(binary.LittleEndian.Uint16(e.Value))
}

// framesOf returns Number of Frames (0028,0008), 1 if absent or 0, −1 if it is no number.
func framesOf(s *object.Set) int {
	text := s.First(0x00280008)
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 1<<20 {
		return -1
	}
	return max(n, 1)
}

// perPixel returns the number of samples of a pixel in native pixel data. Two pixels of
// YBR_FULL_422 share their chrominance (PS3.3 C.7.6.3.1.2).
func (l layout) perPixel() int {
	if l.subsampled {
		return 2
	}
	return l.samples
}

// native returns value without bytes after the last pixel and with unused bits that are 0, or
// equal to the sign if they are above a signed value. If nothing changes it returns value itself.
func (l layout) native(value []byte) []byte {
	size := (l.pixels*l.frames*l.perPixel()*l.allocated + 7) / 8
	if len(value) > size && !padding(value[size:], size) {
		value = append(value[:size:size], make([]byte, size%2)...)
	}
	if l.stored == l.allocated {
		return value
	}
	width := l.allocated / 8
	clean, shared := value, true
	for i := 0; i+width <= min(size, len(value)); i += width {
		have := word(value[i:], width)
		want := l.only(have)
		if want == have {
			continue
		}
		if shared {
			clean, shared = append([]byte(nil), value...), false
		}
		for k := range width {
			clean[i+k] = byte(want >> (8 * k))
		}
	}
	return clean
}

// padding reports whether tail is the byte that makes a value of size bytes even.
func padding(tail []byte, size int) bool {
	return len(tail) == size%2 && (len(tail) == 0 || tail[0] == 0)
}

func word(b []byte, width int) int {
	if width == 1 {
		return int(b[0])
	}
	return int(binary.LittleEndian.Uint16(b))
}

// only returns the stored bits of a pixel cell.
func (l layout) only(cell int) int {
	low := l.high + 1 - l.stored
	v := cell >> low & (1<<l.stored - 1) << low
	if l.signed && cell>>l.high&1 == 1 {
		v |= (1<<l.allocated - 1) &^ (1<<(l.high+1) - 1)
	}
	return v
}
